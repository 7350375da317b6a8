//! Has no class.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let _ = &mut class;
    Vec::new()
}
