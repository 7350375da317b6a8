//! Has a config schema that is on a server.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.config_schema = r#"{"$ref":"http://127.0.0.1:9/schema.json"}"#.to_owned();
    vec![class]
}
