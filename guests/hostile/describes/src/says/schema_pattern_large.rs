//! Has a config schema whose pattern takes a gigabyte to compile.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.config_schema = r#"{"type":"object","properties":{"attack":{"type":"string","pattern":"((a{1000}){1000}){1000}"}}}"#.to_owned();
    vec![class]
}
