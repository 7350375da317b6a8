//! Has a class id that clears the screen.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.class_id = "\x1b[2J".to_owned();
    vec![class]
}
