//! Configurations, and the schemas that strangers check them with.

use external_worker_host::HostError;
use external_worker_host::instance::config::ConfigSchema;
use external_worker_host::limits;
use serde_json::{Value as Json, json};

use super::{parts, readable_line};

/// In no schema: where it turns up and is no key, a value was told.
const SECRET: &str = "s3cr3t";

/// A schema, a configuration, a patch of it, and the names of what exports leave out, a line each.
pub fn config(data: &[u8]) {
    let mut documents = parts(data);
    let schema = String::from_utf8_lossy(documents.next().unwrap_or_default()).replace(SECRET, "");
    let mut json = || serde_json::from_slice(documents.next().unwrap_or_default()).ok();
    let (current, patch): (Option<Json>, Option<Json>) = (json(), json());
    let exclude = documents.next().unwrap_or_default();
    let exclude = String::from_utf8_lossy(exclude);
    let exclude: Vec<String> = exclude.lines().map(str::to_owned).collect();
    let schema = match ConfigSchema::new(&schema, &exclude) {
        Ok(schema) => schema,
        Err(HostError::Description(problem)) => {
            return readable_line(&problem, limits::MAX_TEXT_BYTES);
        }
        Err(other) => panic!("{other}"),
    };
    let secrets = schema.secrets();
    assert!(secrets.len() <= limits::MAX_SCHEMA_PARTS + exclude.len());
    let empty = json!({});
    check(&schema, &empty, &empty);
    let current = current.unwrap_or(empty);
    check(&schema, &current, &patch.unwrap_or_else(|| json!({})));
    leaves_nothing(&schema, &current, &exclude);
}

fn check(schema: &ConfigSchema, current: &Json, patch: &Json) {
    match schema.merged(current, patch) {
        Ok(merged) => {
            assert!(merged.is_object());
            let again = schema.merged(&merged, &json!({}));
            assert_eq!(again.unwrap(), merged, "what is complete stays as it is");
        }
        Err(HostError::Config(problem)) => {
            readable_line(&problem, limits::MAX_TEXT_BYTES);
            let is_told = problem.contains(SECRET) && !is_key(current) && !is_key(patch);
            assert!(!is_told, "{problem}");
        }
        Err(other) => panic!("{other}"),
    }
}

/// Whether the secret is in a key: those are told.
fn is_key(json: &Json) -> bool {
    match json {
        Json::Object(entries) => {
            let mut entries = entries.iter();
            entries.any(|(key, value)| key.contains(SECRET) || is_key(value))
        }
        Json::Array(items) => items.iter().any(is_key),
        _ => false,
    }
}

fn leaves_nothing(schema: &ConfigSchema, config: &Json, exclude: &[String]) {
    let exported = schema.without_secrets(config);
    assert_eq!(exported.is_object(), config.is_object());
    let marked = |name: &str| schema.schema()["properties"][name]["export"] == Json::Bool(false);
    for name in exported
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
    {
        assert!(!marked(name) && !exclude.contains(name), "{name}");
    }
}
