//! Has a method of a thousand inputs.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods = vec![NodeClass { inputs: (0..1_000).map(|n| port(&n.to_string())).collect(), ..node("a") }];
    vec![class]
}
