//! Has a title that clears the screen, and lives on.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.title = "\x1b[2Jtitle\n\u{202e}".to_owned();
    vec![class]
}
