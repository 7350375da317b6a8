//! Has a description of thirty megabytes.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.description = Some("a".repeat(30 << 20));
    vec![class]
}
