//! Declares that its calls take as long as can be said.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods = vec![NodeClass { timeout_ms: Some(u32::MAX), ..node("a") }];
    vec![class]
}
