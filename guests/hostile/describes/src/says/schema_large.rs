//! Has a config schema of two megabytes.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.config_schema = format!("{{\"title\":\"{}\"}}", "a".repeat(2 << 20));
    vec![class]
}
