//! Has sixty inputs with options that are small as text and a hundred times as large as trees.

use crate::*;

pub fn describe(mut class: WorkerClass) -> Vec<WorkerClass> {
    let items = vec![r#"{"":0}"#; 35_000].join(",");
    let of = |n| Port {
        value_options: Some(format!(r#"{{"a":[{items}]}}"#)),
        ..port(&format!("p{n}"))
    };
    class.methods = vec![NodeClass { inputs: (0..60).map(of).collect(), ..node("a") }];
    vec![class]
}
