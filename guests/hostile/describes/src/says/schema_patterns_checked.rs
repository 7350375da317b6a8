//! Has a configuration that is checked against two thousand patterns.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.config_schema = patterns(2_000, r#","type":"string""#);
    vec![class]
}
