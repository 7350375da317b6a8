//! Is a node library with a thousand nodes on its shelves, whose descriptions and paths are long.

use crate::*;

pub fn describe(class: WorkerClass) -> Vec<WorkerClass> {
    let is_library = true;
    vec![WorkerClass { is_library, ..class }]
}

/// Sixteen shelves in each other, each with sixty-four nodes.
pub fn shelves() -> Vec<Shelf> {
    let nodes: Vec<_> = (0..64)
        .map(|n| NodeClass {
            description: Some("d".repeat(4_000)),
            inputs: (0..32).map(|n| port(&format!("p{n}"))).collect(),
            ..node(&format!("n{n}"))
        })
        .collect();
    let shelf = |at: u32| Shelf {
        name: "s".repeat(200),
        description: None,
        parent: at.checked_sub(1),
        nodes: nodes.clone(),
    };
    (0..16).map(shelf).collect()
}
