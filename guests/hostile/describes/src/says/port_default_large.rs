//! Has an input with a default of a megabyte.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let mut port = port("p");
    port.default = Some(Value::Bytes(vec![0; 1 << 20]));
    class.methods = vec![NodeClass { inputs: vec![port], ..node("a") }];
    vec![class]
}
