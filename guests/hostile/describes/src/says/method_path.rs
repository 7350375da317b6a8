//! Has a method whose name is a path.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods = vec![node("a/b")];
    vec![class]
}
