//! Has a config schema of ten thousand properties, each of which refers to the next.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let part = |n: u32| format!("\"p{n}\":{{\"$ref\":\"#/properties/p{}\"}}", n + 1);
    let parts: Vec<_> = (0..5_000).map(part).collect();
    class.config_schema = format!("{{\"type\":\"object\",\"properties\":{{{}}}}}", parts.join(","));
    vec![class]
}
