//! Panics in `describe`, with escapes.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.title.clear();
    panic!("\x1b[2J{}", class.class_id)
}
