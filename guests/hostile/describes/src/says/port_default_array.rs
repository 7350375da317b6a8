//! Has an input with a default that has less than its shape says.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let mut port = port("p");
    port.default = Some(Value::Array(Ndarray { dtype: Dtype::F64, shape: vec![u64::MAX, u64::MAX], data: Vec::new() }));
    class.methods = vec![NodeClass { inputs: vec![port], ..node("a") }];
    vec![class]
}
