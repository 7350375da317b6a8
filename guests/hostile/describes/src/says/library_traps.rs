//! Is a node library that traps whenever it starts.

use crate::*;

pub fn describe(class: WorkerClass) -> Vec<WorkerClass> {
    let is_library = true;
    vec![WorkerClass { is_library, ..class }]
}
