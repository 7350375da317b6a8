//! Is a node library whose class id another module has already.

use crate::*;

pub fn describe(class: WorkerClass) -> Vec<WorkerClass> {
    let is_library = true;
    vec![WorkerClass { is_library, ..class }]
}
