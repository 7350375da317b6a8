//! Has a description that clears the screen, and lives on.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.description = Some("\x1b[2Ja\rb\u{9b}c\u{2066}".to_owned());
    vec![class]
}
