//! Has a method with an input and an output of one name.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods =
        vec![NodeClass { inputs: vec![port("p")], outputs: vec![port("p")], ..node("a") }];
    vec![class]
}
