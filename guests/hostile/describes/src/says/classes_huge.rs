//! Describes itself with all of its memory.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.description = Some("a".repeat(1 << 20));
    vec![class; 2_000]
}
