//! Has a config schema that is a list.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.config_schema = "[1,2]".to_owned();
    vec![class]
}
