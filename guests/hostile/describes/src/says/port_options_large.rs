//! Has an input with options of a megabyte.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let mut port = port("p");
    port.value_options = Some(format!("\"{}\"", "a".repeat(1 << 20)));
    class.methods = vec![NodeClass { inputs: vec![port], ..node("a") }];
    vec![class]
}
