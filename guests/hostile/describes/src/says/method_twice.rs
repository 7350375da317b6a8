//! Has two methods of one name.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.methods = vec![node("a"), node("a")];
    vec![class]
}
