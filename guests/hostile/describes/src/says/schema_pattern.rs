//! Has a config schema whose pattern takes a lifetime to match.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.config_schema = r#"{"type":"object","properties":{"attack":{"type":"string","pattern":"^(([a-z/_]+)+)+$","default":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}}}"#.to_owned();
    vec![class]
}
