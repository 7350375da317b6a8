//! The form in which a Worker's state is saved, shown and exported: that of the Python Worker, so that
//! either reads the other's.
//!
//! A state is read as far as it can be: what is wrong is left out and said. Nothing is taken of what is
//! no state at all, or too much.
//!
//! A save is a stranger's or another version's, so it is taken as far as it makes sense. What was left
//! out is said in the reply, in the status bar and in the log.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use crate::json as document;
use crate::limits::{MAX_NAME_BYTES, MAX_STATE_BYTES};
use crate::nodespace::LeftOut;
use crate::text;

/// A Worker's state. The configurations in it are whole: it holds secrets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SavedState {
    /// Nodes, edges, properties and groups.
    pub backend: Json,
    /// How the graph is shown.
    pub view: Json,
    /// Which Worker this is.
    pub meta: SavedMeta,
    /// The instances of each class, by the class's id.
    pub external_workers: BTreeMap<String, Vec<SavedExternalWorker>>,
}

/// Which Worker a state is from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SavedMeta {
    /// The Worker's id: 32 hexadecimal digits.
    pub id: String,
    /// The version of what wrote it.
    pub version: String,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedExternalWorker {
    /// Its uuid.
    pub uuid: String,
    /// The id of its class.
    pub nodeclassid: String,
    /// Whether it ran.
    #[serde(default)]
    pub running: bool,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its configuration.
    #[serde(default = "empty")]
    pub config: Json,
}

/// What a state was read as.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The state.
    pub state: SavedState,
    /// What was not taken. No value of the document is in it.
    pub left_out: LeftOut,
}

/// It is not a state.
#[derive(Debug, thiserror::Error)]
#[error("the state of the Worker is wrong: {0}")]
pub struct SavedStateProblem(String);

const MEMBERS: [&str; 4] = ["backend", "view", "meta", "external_workers"];

fn empty() -> Json {
    Json::Object(Map::new())
}

impl SavedState {
    /// The state as JSON, secrets and all.
    pub fn to_json(&self) -> Json {
        // Maps with text for keys, and JSON: that always has a form.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Reads a state, as far as it is one.
    ///
    /// # Errors
    /// When it is none at all.
    pub fn read(json: Json) -> Result<Reading, SavedStateProblem> {
        let Json::Object(mut members) = json else {
            return Err(wrong("it is not an object"));
        };
        if !MEMBERS.iter().any(|name| members.contains_key(*name)) {
            return Err(wrong(
                "it has none of `backend`, `view`, `meta` and `external_workers`",
            ));
        }
        let mut left_out = LeftOut::default();
        let mut object = |name: &str| match members.remove(name) {
            Some(Json::Object(object)) => object,
            None | Some(Json::Null) => Map::new(),
            Some(_) => {
                left_out.push(format!("`{name}`, which is not an object"));
                Map::new()
            }
        };
        let (mut backend, view, meta) = (object("backend"), object("view"), object("meta"));
        let classes = object("external_workers");
        place_nodes(&mut backend, &view);
        let text = |name: &str| {
            let text = meta.get(name).and_then(Json::as_str);
            text::clean_line(text.unwrap_or_default(), MAX_NAME_BYTES)
        };
        let meta = SavedMeta {
            id: text("id"),
            version: text("version"),
        };
        let state = Self {
            backend: Json::Object(backend),
            view: Json::Object(view),
            meta,
            external_workers: instances(classes, &mut left_out),
        };
        Ok(Reading { state, left_out })
    }
}

/// The Python Worker keeps where nodes are drawn beside them as well; what is there counts.
fn place_nodes(backend: &mut Map<String, Json>, view: &Map<String, Json>) {
    let Some(places) = view.get("nodes").and_then(Json::as_object) else {
        return;
    };
    let nodes = backend.get_mut("nodes").and_then(Json::as_array_mut);
    for node in nodes.into_iter().flatten().filter_map(Json::as_object_mut) {
        let id = node.get("id").and_then(Json::as_str);
        let Some(place) = id.and_then(|id| places.get(id)) else {
            continue;
        };
        for (from, to) in [("pos", "frontend:pos"), ("size", "frontend:size")] {
            let Some(pair) = place.get(from).filter(|pair| is_pair(pair)) else {
                continue;
            };
            let properties = node.entry("properties").or_insert_with(empty);
            if properties.is_null() {
                *properties = empty();
            }
            if let Some(properties) = properties.as_object_mut() {
                properties.insert(to.to_owned(), pair.clone());
            }
        }
    }
}

fn is_pair(json: &Json) -> bool {
    let items = json.as_array();
    items.is_some_and(|items| items.len() == 2 && items.iter().all(Json::is_number))
}

fn instances(
    classes: Map<String, Json>,
    left_out: &mut LeftOut,
) -> BTreeMap<String, Vec<SavedExternalWorker>> {
    let mut uuids = HashSet::new();
    let mut by_class = BTreeMap::new();
    for (class, list) in classes {
        let shown = text::clean_line(&class, MAX_NAME_BYTES);
        let list = match list {
            Json::Array(list) => list,
            Json::Null => Vec::new(),
            _ => {
                left_out.push(format!("`external_workers.{shown}`, which is not a list"));
                continue;
            }
        };
        let mut found = Vec::new();
        for (index, json) in list.into_iter().enumerate() {
            let place = format!("`external_workers.{shown}[{index}]`");
            match instance(&class, json, &place, left_out) {
                Ok(instance) if uuids.insert(instance.uuid.clone()) => found.push(instance),
                Ok(_) => {
                    left_out.push(format!("{place}, which has the same `uuid` as another one"))
                }
                Err(problem) => left_out.push(format!("{place}, which {problem}")),
            }
        }
        by_class.insert(class, found);
    }
    by_class
}

/// One instance; of older saves only its uuid.
fn instance(
    class: &str,
    json: Json,
    place: &str,
    left_out: &mut LeftOut,
) -> Result<SavedExternalWorker, &'static str> {
    let mut members = match json {
        Json::String(uuid) => Map::from_iter([("uuid".to_owned(), Json::String(uuid))]),
        Json::Object(members) => members,
        _ => return Err("is neither an object nor a uuid"),
    };
    let name_of = |value: &Json| {
        let value = value.as_str()?;
        (!value.is_empty() && value.len() <= MAX_NAME_BYTES).then(|| value.to_owned())
    };
    let uuid = members.get("uuid").and_then(name_of);
    let uuid = uuid.ok_or("has no usable `uuid`")?;
    let nodeclassid = match members.get("nodeclassid") {
        None | Some(Json::Null) => name_of(&json!(class)),
        Some(given) => name_of(given),
    };
    let nodeclassid = nodeclassid.ok_or("has no usable `nodeclassid`")?;
    let mut config = match members.remove("config") {
        Some(config @ Json::Object(_)) => config,
        None | Some(Json::Null) => empty(),
        Some(_) => {
            left_out.push(format!("the `config` of {place}, which is not an object"));
            empty()
        }
    };
    // A schema knows no other numbers than JSON does.
    document::without_odd(&mut config);
    let name = match members.remove("name") {
        Some(Json::String(name)) => Some(name),
        None | Some(Json::Null) => None,
        Some(_) => {
            left_out.push(format!("the `name` of {place}, which is not text"));
            None
        }
    };
    let running = members.get("running").and_then(Json::as_bool);
    Ok(SavedExternalWorker {
        uuid,
        nodeclassid,
        running: running.unwrap_or_default(),
        name,
        config,
    })
}

fn wrong(problem: &str) -> SavedStateProblem {
    SavedStateProblem(problem.to_owned())
}

/// Reads a state from text of at most [`MAX_STATE_BYTES`].
///
/// # Errors
/// When it is longer, or holds no state.
pub fn parse(text: &[u8]) -> Result<Reading, SavedStateProblem> {
    if text.len() as u64 > MAX_STATE_BYTES {
        return Err(wrong(&format!("it has more than {MAX_STATE_BYTES} bytes")));
    }
    let json = document::parse_strangers(text).map_err(|problem| wrong(&problem.to_string()))?;
    SavedState::read(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> Json {
        json!({
            "backend": {"nodes": [], "edges": [], "prop": {}, "groups": {}},
            "view": {"renderoptions": {}},
            "meta": {"id": "9d5b7fc7d99b421bb861a93bab13750d", "version": "2.4.0"},
            "external_workers": {"bench_worker": [], "demo_worker": [{
                "uuid": "a9c0", "nodeclassid": "demo_worker", "running": true, "name": "My Demo",
                "config": {"token": "s3cr3t"},
            }]},
        })
    }

    #[test]
    fn a_state_is_written_as_it_was_read() {
        let read = SavedState::read(state()).unwrap();
        assert_eq!(read.left_out, LeftOut::default());
        let read = read.state;
        assert_eq!(read.external_workers["demo_worker"][0].uuid, "a9c0");
        assert_eq!(read.to_json(), state());
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for json in [json!([]), json!("s3cr3t"), json!({}), json!({"s3cr3t": 1})] {
            let problem = SavedState::read(json).unwrap_err().to_string();
            assert!(!problem.contains("s3cr3t"), "{problem}");
        }
        parse(b"{").unwrap_err();
    }

    #[test]
    fn what_is_wrong_is_left_out_and_named_without_its_value() {
        let instance = |value: Json| json!({"backend": {}, "external_workers": {"demo": [value]}});
        let table = [
            (json!({"backend": ["s3cr3t"]}), "`backend`", 0),
            (json!({"backend": {}, "view": "s3cr3t"}), "`view`", 0),
            (
                json!({"external_workers": ["s3cr3t"]}),
                "`external_workers`",
                0,
            ),
            (
                json!({"external_workers": {"demo": "s3cr3t"}}),
                "`external_workers.demo`",
                0,
            ),
            (instance(json!(17)), "demo[0]", 0),
            (
                instance(json!({"uuid": "", "nodeclassid": "demo"})),
                "uuid",
                0,
            ),
            (
                instance(json!({"uuid": "u", "nodeclassid": 17})),
                "nodeclassid",
                0,
            ),
            (
                instance(json!({"uuid": "u", "config": "s3cr3t"})),
                "`config`",
                1,
            ),
            (
                instance(json!({"uuid": "u", "name": ["s3cr3t"], "running": "s3cr3t"})),
                "`name`",
                1,
            ),
            (
                json!({"external_workers": {"demo": ["u", {"uuid": "u"}]}}),
                "demo[1]",
                1,
            ),
        ];
        for (json, part, instances) in table {
            let read = SavedState::read(json).unwrap();
            let [line] = &read.left_out.lines[..] else {
                panic!("{:?}", read.left_out)
            };
            assert!(line.contains(part) && !line.contains("s3cr3t"), "{line}");
            let found = read.state.external_workers.values().flatten();
            assert_eq!(found.count(), instances, "{line}");
        }
    }

    #[test]
    fn saves_that_python_reads_are_read() {
        let saved = br#"{
            "backend": {"nodes": [{"id": "n", "node_id": "c", "io": {"x": {"default": NaN}}},
                                  {"id": "m", "node_id": "c", "properties": null}]},
            "view": {"nodes": {"n": {"pos": [1.5, -2], "size": [10, 20]},
                               "m": {"pos": [3, 4], "size": "large"}, "gone": {"pos": [5, 6]}}},
            "meta": null,
            "external_workers": {"demo": ["0123", {"uuid": "4567", "config": null}],
                                 "pump": [{"uuid": "89ab", "config": {"limit": Infinity}}],
                                 "none": null},
            "later": {"versions": "say more"}
        }"#;
        let read = parse(saved).unwrap();
        assert_eq!(read.left_out, LeftOut::default());
        let state = read.state;
        let demo = &state.external_workers["demo"];
        assert_eq!(demo[0].nodeclassid, "demo");
        assert_eq!((&demo[0].config, &demo[1].config), (&json!({}), &json!({})));
        assert_eq!(
            state.external_workers["pump"][0].config,
            json!({"limit": null})
        );
        let nodes = &state.backend["nodes"];
        assert_eq!(
            nodes[0]["properties"],
            json!({"frontend:pos": [1.5, -2], "frontend:size": [10, 20]})
        );
        assert_eq!(nodes[1]["properties"], json!({"frontend:pos": [3, 4]}));
        let written = document::to_text(&state.to_json());
        assert!(written.contains(r#""default":NaN"#), "{written}");
        assert_eq!(parse(written.as_bytes()).unwrap().state, state);
        let only = parse(br#"{"external_workers": {}}"#).unwrap().state;
        assert_eq!(only.backend, json!({}));
    }
}
