//! Has a config schema that is nested a thousand times.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.config_schema = format!("{}{{}}{}", "{\"properties\":{\"a\":".repeat(1_000), "}}".repeat(1_000));
    vec![class]
}
