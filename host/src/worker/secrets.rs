//! What of an external worker's configuration may leave the Worker. [`Redacted`] can be made only here,
//! of an external worker and by redacting, and every view, save and export holds nothing else: a way
//! past this file would not compile.
//!
//! Secrets leave only through the form that edits them. Where the code runs, its own schema redacts
//! first. Of a class that is not known nothing of a configuration leaves.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::external_worker::ExternalWorker;
use crate::instance::config::ConfigSchema;

/// The configuration of an external worker without its secrets.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Redacted(Json);

impl Redacted {
    /// The document.
    pub fn as_json(&self) -> &Json {
        &self.0
    }

    fn nothing() -> Self {
        Self(Json::Object(Map::new()))
    }
}

impl ExternalWorker {
    /// Its configuration as it may leave. What runs may be of an older version than `schema`, which is that
    /// of its class as it is now, and the two may call other things a secret: what is left is public by both.
    /// Nothing is left where neither is known.
    pub fn redacted(&self, schema: Option<&Arc<ConfigSchema>>) -> Redacted {
        let public = match (self.instance(), schema) {
            (Some(runs), Some(schema)) if !Arc::ptr_eq(schema, &runs.class().config) => {
                schema.without_secrets(&runs.public_config())
            }
            (Some(runs), _) => runs.public_config(),
            (None, Some(schema)) => schema.without_secrets(&self.config()),
            (None, None) => return Redacted::nothing(),
        };
        // What runs has none before it has started.
        if public.is_object() {
            Redacted(public)
        } else {
            Redacted::nothing()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::worker::external_worker::Identity;

    const SECRET: &str = "s3cr3t";

    fn external(config: Json) -> ExternalWorker {
        let identity = Identity {
            uuid: "u".to_owned(),
            class_id: "demo".to_owned(),
            module: "m".to_owned(),
        };
        ExternalWorker::waiting(identity, "My Demo".to_owned(), config)
    }

    fn schema() -> Arc<ConfigSchema> {
        let schema = json!({"type": "object", "properties": {
            "token": {"type": "string", "export": false},
            "mode": {"type": "string"},
            "servers": {"type": "array", "items": {"properties": {
                "host": {"type": "string"}, "password": {"export": false}}}},
        }});
        Arc::new(ConfigSchema::new(&schema.to_string(), &["key".to_owned()]).unwrap())
    }

    #[test]
    fn a_configuration_leaves_without_secrets_and_without_what_nobody_knows() {
        let external = external(json!({
            "mode": "a", "token": SECRET, "key": SECRET,
            "servers": [{"host": "h", "password": SECRET}],
        }));
        let left = json!({"mode": "a", "servers": [{"host": "h"}]});
        assert_eq!(*external.redacted(Some(&schema())).as_json(), left);
        assert_eq!(*external.redacted(None).as_json(), json!({}));
    }

    #[test]
    fn what_has_another_shape_leaves_nothing_behind() {
        for shape in [
            json!(SECRET),
            json!([SECRET]),
            json!([[SECRET]]),
            json!({ SECRET: SECRET, "servers": SECRET }),
            json!({ "servers": [SECRET, [SECRET], {"password": [SECRET]}] }),
        ] {
            let redacted = external(shape).redacted(Some(&schema()));
            assert!(
                !redacted.as_json().to_string().contains(SECRET),
                "{redacted:?}"
            );
        }
    }
}
