//! Has a method whose name reads as another.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods = vec![node("a\u{202e}b")];
    vec![class]
}
