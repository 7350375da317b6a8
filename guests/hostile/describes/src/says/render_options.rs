//! Has a method with render options that are no JSON.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods = vec![NodeClass { render_options: Some("}".to_owned()), ..node("a") }];
    vec![class]
}
