//! Everything that a client shows when it comes, as one document: `full_state`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value as Json;

use crate::json::to_wire;
use crate::nodespace::{Edge, GroupView, NodeView};
use crate::worker::Worker;
use crate::worker::saved_state::SavedMeta;
use crate::worker::views::{ModuleView, ViewState};

#[derive(Serialize)]
struct Graph {
    nodes: Vec<NodeView>,
    prop: BTreeMap<String, Json>,
    edges: Vec<Edge>,
    groups: BTreeMap<String, GroupView>,
}

#[derive(Serialize)]
struct Rest {
    view: ViewState,
    worker: BTreeMap<String, Vec<String>>,
    worker_dependencies: Vec<ModuleView>,
    progress_state: Progress,
    meta: SavedMeta,
}

/// What the status bar shows: nothing.
#[derive(Serialize)]
struct Progress {
    message: &'static str,
    status: &'static str,
    progress: u8,
    blocking: bool,
}

/// The text of the document.
pub fn state(worker: &Worker) -> String {
    let nodespace = worker.nodespace();
    let graph = Graph {
        nodes: nodespace.nodes(false),
        prop: BTreeMap::new(),
        edges: nodespace.edges(),
        groups: nodespace.groups(),
    };
    let rest = Rest {
        view: worker.view_state(),
        worker: worker.instances(),
        worker_dependencies: worker.modules(),
        progress_state: Progress {
            message: "",
            status: "info",
            progress: 0,
            blocking: false,
        },
        meta: worker.meta(),
    };
    // The library may be large, and is a text already.
    let graph = with_member(to_wire(&graph), "lib", &nodespace.library_text());
    with_member(to_wire(&rest), "backend", &graph)
}

/// `object`, the text of an object that is not empty, with one member more.
fn with_member(mut object: String, name: &str, json: &str) -> String {
    object.pop();
    format!(r#"{object},"{name}":{json}}}"#)
}
