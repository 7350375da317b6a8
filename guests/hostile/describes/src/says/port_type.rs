//! Has an input of a type that is no JSON.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let mut port = port("p");
    port.type_ = "{\"type\":".to_owned();
    class.methods = vec![NodeClass { inputs: vec![port], ..node("a") }];
    vec![class]
}
