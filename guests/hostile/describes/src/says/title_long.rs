//! Has a title of a megabyte, and lives on.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.title = "a".repeat(1 << 20);
    vec![class]
}
