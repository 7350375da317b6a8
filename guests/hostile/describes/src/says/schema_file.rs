//! Has a config schema that is a file of the host.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.config_schema = r#"{"$ref":"file:///etc/passwd"}"#.to_owned();
    vec![class]
}
