//! Has a method whose name clears the screen.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods = vec![node("\x1b[2J")];
    vec![class]
}
