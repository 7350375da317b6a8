//! Has a class id that leads elsewhere.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.class_id = "../../etc/passwd".to_owned();
    vec![class]
}
