//! Has a class without an id.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.class_id = String::new();
    vec![class]
}
