//! Has a class id of a megabyte.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.class_id = "a".repeat(1 << 20);
    vec![class]
}
