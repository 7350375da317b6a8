//! Has a method whose title clears the screen, and lives on.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods = vec![NodeClass { title: Some("\x1b[2Jtitle".to_owned()), ..node("a") }];
    vec![class]
}
