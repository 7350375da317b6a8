//! Has an input with options that are no JSON.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let mut port = port("p");
    port.value_options = Some("[1,".to_owned());
    class.methods = vec![NodeClass { inputs: vec![port], ..node("a") }];
    vec![class]
}
