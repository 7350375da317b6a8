//! The form in which a Worker's state is saved, shown and exported: that of the Python Worker, so that
//! either reads the other's.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

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

/// Why a state is not read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateProblem {
    /// It is no state, or not one that is understood.
    #[error("the state of the Worker is wrong: {0}")]
    Wrong(String),
    /// The file cannot be read or written.
    #[error("the file with the Worker's state cannot be used")]
    File(#[source] io::Error),
}

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
    StateProblem::Wrong(problem.to_owned())
}

/// Writes a state to a file that only its owner can read, whole or not at all.
///
/// # Errors
/// When the file cannot be written; what was there before is still there.
pub fn write_save_file(path: &Path, state: &WorkerState) -> Result<(), StateProblem> {
    let aside = path.with_extension(uuid::Uuid::new_v4().simple().to_string());
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside)?;
        file.write_all(state.to_json().to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&aside, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&aside);
        StateProblem::File(error)
    })
}

/// Reads a state from a file.
///
/// # Errors
/// When the file cannot be read, or holds no state.
pub fn read_save_file(path: &Path) -> Result<WorkerState, StateProblem> {
    let mut content = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_STATE_BYTES + 1).read_to_end(&mut content))
        .map_err(StateProblem::File)?;
    parse(&content)
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
    use std::os::unix::fs::PermissionsExt;

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
    fn only_the_owner_can_read_a_save_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("nodespace.json");
        fs::write(&path, "older").unwrap();
        let written = WorkerState::from_json(state()).unwrap();
        write_save_file(&path, &written).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(read_save_file(&path).unwrap(), written);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        write_save_file(&dir.path().join("no/such/folder"), &written).unwrap_err();
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
