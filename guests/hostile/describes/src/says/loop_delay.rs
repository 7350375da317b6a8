//! Has a loop without a pause, and lives on.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.loop_delay_ms = 0;
    vec![class]
}
