//! Has two thousand methods.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods = (0..2_000).map(|n| node(&n.to_string())).collect();
    vec![class]
}
