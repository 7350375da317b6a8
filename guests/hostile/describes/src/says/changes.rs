//! Describes itself by what it finds in the random source and the clock.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    class.title = format!("{:?}", std::collections::hash_map::RandomState::new());
    class.title += &format!("{:p}", &class);
    vec![class]
}
