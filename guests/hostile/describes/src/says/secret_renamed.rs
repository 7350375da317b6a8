//! Calls its secrets otherwise than the version before did, and does not start.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.config_schema =
        r#"{"type":"object","properties":{"renamed":{"type":"string","export":false}}}"#.to_owned();
    vec![class]
}
