//! Has an input whose name clears the screen.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let mut port = port("p");
    port.name = "\x1b[2J".to_owned();
    class.methods = vec![NodeClass { inputs: vec![port], ..node("a") }];
    vec![class]
}
