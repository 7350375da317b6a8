//! Has an input with a default that is no JSON.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let mut port = port("p");
    port.default = Some(Value::Json("{".to_owned()));
    class.methods = vec![NodeClass { inputs: vec![port], ..node("a") }];
    vec![class]
}
