//! Keeps secrets in every place that a config schema has for them.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.config_schema = include_str!("../../secrets.json").to_owned();
    vec![class]
}
