//! Has eight classes with as many patterns in their config schemas as there may be parts.

use crate::*;

pub fn describe(class: WorkerClass) -> Vec<WorkerClass> {
    let of = |n| WorkerClass {
        class_id: format!("hostile{n}"),
        config_schema: patterns(1_200, ""),
        ..class.clone()
    };
    (0..8).map(of).collect()
}
