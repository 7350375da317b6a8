//! Has an input of a type that is nested five thousand times, and lives on.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let mut port = port("p");
    port.type_ = format!("{}\"int\"{}", "{\"type\":\"array\",\"items\":".repeat(5_000), "}".repeat(5_000));
    class.methods = vec![NodeClass { inputs: vec![port], ..node("a") }];
    vec![class]
}
