//! Has eight classes with five thousand patterns each.

use crate::*;

pub fn describe(class: WorkerClass) -> Vec<WorkerClass> {
    let of = |n| WorkerClass {
        class_id: format!("hostile{n}"),
        config_schema: patterns(6_500, ""),
        ..class.clone()
    };
    (0..8).map(of).collect()
}
