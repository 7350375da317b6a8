//! The form in which a Worker's state is saved, shown and exported: that of the Python Worker, so that
//! either reads the other's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::json;
use crate::limits::{MAX_NAME_BYTES, MAX_STATE_BYTES};
use crate::text;

/// A Worker's state. The configurations in it are whole: it holds secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerState {
    /// Nodes, edges, properties and groups.
    pub backend: Json,
    /// How the graph is shown.
    #[serde(default = "empty")]
    pub view: Json,
    /// Which Worker this is.
    #[serde(default)]
    pub meta: StateMeta,
    /// The instances of each class, by the class's id.
    #[serde(default)]
    pub external_workers: BTreeMap<String, Vec<StateInstance>>,
}

/// Which Worker a state is from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StateMeta {
    /// The Worker's id: 32 hexadecimal digits.
    pub id: String,
    /// The version of what wrote it.
    pub version: String,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StateInstance {
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

/// It is no state, or not one that is understood.
#[derive(Debug, thiserror::Error)]
#[error("the state of the Worker is wrong: {0}")]
pub struct StateProblem(String);

fn empty() -> Json {
    Json::Object(Map::new())
}

impl WorkerState {
    /// The state as JSON, secrets and all.
    pub fn to_json(&self) -> Json {
        // Maps with text for keys, and JSON: that always has a form.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Reads a state.
    ///
    /// # Errors
    /// With the place of what is wrong, never with a value.
    pub fn from_json(json: Json) -> Result<Self, StateProblem> {
        check(&json)?;
        // Whatever is left to complain about is quoted by nobody: it may be a secret.
        serde_json::from_value(json).map_err(|_| wrong("it has not the form of a state"))
    }
}

/// What `serde` would only say with the values in it.
fn check(json: &Json) -> Result<(), StateProblem> {
    let member = |name: &str| json.get(name);
    if !member("backend").is_some_and(Json::is_object) {
        return Err(wrong("`backend` is not an object"));
    }
    for name in ["view", "meta", "external_workers"] {
        if member(name).is_some_and(|value| !value.is_object()) {
            return Err(wrong(&format!("`{name}` is not an object")));
        }
    }
    let classes = member("external_workers").and_then(Json::as_object);
    for (class, instances) in classes.into_iter().flatten() {
        let class = text::clean_line(class, MAX_NAME_BYTES);
        let Some(instances) = instances.as_array() else {
            return Err(wrong(&format!("`external_workers.{class}` is not a list")));
        };
        for (index, instance) in instances.iter().enumerate() {
            check_instance(instance)
                .map_err(|what| wrong(&format!("`external_workers.{class}[{index}]` {what}")))?;
        }
    }
    Ok(())
}

fn check_instance(instance: &Json) -> Result<(), &'static str> {
    let is_name = |name: &str| {
        let value = instance.get(name).and_then(Json::as_str);
        value.is_some_and(|value| !value.is_empty() && value.len() <= MAX_NAME_BYTES)
    };
    if !is_name("uuid") {
        return Err("has no usable `uuid`");
    }
    if !is_name("nodeclassid") {
        return Err("has no usable `nodeclassid`");
    }
    match instance.get("config") {
        Some(config) if !config.is_object() => Err("has a `config` that is not an object"),
        _ => Ok(()),
    }
}

fn wrong(problem: &str) -> StateProblem {
    StateProblem(problem.to_owned())
}

/// Reads a state from text of at most [`MAX_STATE_BYTES`].
///
/// # Errors
/// When it is longer, or holds no state.
pub fn parse(text: &[u8]) -> Result<WorkerState, StateProblem> {
    if text.len() as u64 > MAX_STATE_BYTES {
        return Err(wrong(&format!("it has more than {MAX_STATE_BYTES} bytes")));
    }
    let json = json::parse(text).map_err(|problem| wrong(&problem.to_string()))?;
    WorkerState::from_json(json)
}

#[cfg(test)]
mod tests {

    use serde_json::json;

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
        let read = WorkerState::from_json(state()).unwrap();
        assert_eq!(read.external_workers["demo_worker"][0].uuid, "a9c0");
        assert_eq!(read.to_json(), state());
    }

    #[test]
    fn what_is_wrong_is_named_without_its_value() {
        let instance = |value: Json| json!({"backend": {}, "external_workers": {"demo": [value]}});
        let table = [
            (json!([]), "backend"),
            (json!({"backend": []}), "backend"),
            (json!({"backend": {}, "view": "s3cr3t"}), "view"),
            (
                json!({"backend": {}, "external_workers": []}),
                "external_workers",
            ),
            (
                json!({"backend": {}, "external_workers": {"demo": "s3cr3t"}}),
                "demo",
            ),
            (instance(json!("s3cr3t")), "demo[0]"),
            (instance(json!({"uuid": "", "nodeclassid": "demo"})), "uuid"),
            (
                instance(json!({"uuid": "u", "nodeclassid": 17})),
                "nodeclassid",
            ),
            (
                instance(json!({"uuid": "u", "nodeclassid": "demo", "config": "s3cr3t"})),
                "config",
            ),
            (
                instance(json!({"uuid": "u", "nodeclassid": "demo", "name": ["s3cr3t"]})),
                "form",
            ),
        ];
        for (json, part) in table {
            let problem = WorkerState::from_json(json).unwrap_err().to_string();
            assert!(
                problem.contains(part) && !problem.contains("s3cr3t"),
                "{problem}"
            );
        }
        parse(b"{").unwrap_err();
    }
}
