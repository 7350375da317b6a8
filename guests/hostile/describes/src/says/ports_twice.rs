//! Has a method with two inputs of one name.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods = vec![NodeClass { inputs: vec![port("p"), port("p")], ..node("a") }];
    vec![class]
}
