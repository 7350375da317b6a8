//! What a graph tells in FuncNodes' words: its library, and what happens in it. What it looks like is in
//! `view.rs`.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::class::{NodeClass, PortSpec};
use super::event::{Edge, GraphEvent};

/// A shelf without the shelves on it.
pub(super) fn shelf(name: &str, description: &str, classes: &[Arc<NodeClass>]) -> Json {
    let classes: Vec<Json> = classes.iter().map(|class| class_json(class)).collect();
    json!({ "name": name, "description": description, "nodes": classes })
}

fn class_json(class: &NodeClass) -> Json {
    let ports = |ports: &[PortSpec]| -> Vec<Json> { ports.iter().map(port).collect() };
    let mut json = json!({
        "node_id": class.id,
        "inputs": ports(&class.inputs),
        "outputs": ports(&class.outputs),
        "description": class.description.as_deref().unwrap_or_default(),
        "node_name": class.name,
    });
    if let Some(entries) = json
        .as_object_mut()
        .filter(|_| class.reset_inputs_on_trigger)
    {
        entries.insert("reset_inputs_on_trigger".into(), true.into());
    }
    json
}

fn port(port: &PortSpec) -> Json {
    let mut json = json!({
        "type": port.ty.json(),
        "description": port.description,
        "uuid": port.id,
    });
    if let Some(entries) = json.as_object_mut() {
        if let Some(name) = port.name.as_ref().filter(|name| **name != port.id) {
            entries.insert("name".into(), name.as_str().into());
        }
        if let Some(allow_multiple) = port.allow_multiple {
            entries.insert("allow_multiple".into(), allow_multiple.into());
        }
    }
    json
}

impl GraphEvent {
    /// The FuncNodes `nsevent`s that say it: the name of each and its `data`. None for what
    /// FuncNodes keeps to itself, and for [`GraphEvent::Value`], which travels as a binary
    /// `io_value` frame. A node that was replaced is removed, added and connected again.
    pub fn wire(&self) -> Vec<(&'static str, Json)> {
        let of_node = |name, node: &str| vec![(name, json!({ "node": node }))];
        match self {
            Self::NodeAdded { node } => vec![("node_added", json!({ "node": node }))],
            Self::NodeRemoved { node } => of_node("node_removed", node),
            Self::NodeReplaced { node, edges } => {
                let mut events = of_node("node_removed", &node.id);
                events.push(("node_added", json!({ "node": node })));
                let connect = edges.iter().map(|edge| connected("after_connect", edge));
                events.extend(connect);
                events
            }
            Self::EdgeAdded { edge, forward } => {
                let name = if *forward {
                    "after_forward"
                } else {
                    "after_connect"
                };
                vec![connected(name, edge)]
            }
            Self::EdgeRemoved { edge, forward } => {
                let name = if *forward {
                    "after_unforward"
                } else {
                    "after_disconnect"
                };
                vec![connected(name, edge)]
            }
            Self::Progress {
                node,
                what,
                fraction,
                elapsed,
            } => vec![("progress", progress(node, what, *fraction, *elapsed))],
            Self::TriggerStart { node } => of_node("triggerstart", node),
            Self::TriggerDone { node } => of_node("triggerdone", node),
            Self::TriggerFast { node } => of_node("triggerfast", node),
            Self::NodeError { node, message } => {
                let data = json!({"node": &**node, "error": message, "tb": [message]});
                vec![("node_trigger_error", data)]
            }
            Self::ValueOptionsChanged { node, io, options } => {
                let data = json!({"node": &**node, "io": &**io, "result": options});
                vec![("after_update_value_options", data)]
            }
            Self::Value { .. }
            | Self::DefaultChanged { .. }
            | Self::RenderOptionsChanged { .. } => Vec::new(),
        }
    }
}

fn connected(name: &'static str, ends: &Edge) -> (&'static str, Json) {
    let [node, io, ..] = ends;
    let data = json!({"node": &**node, "io": &**io, "result": ends});
    (name, data)
}

/// What FuncNodes tells of the progress bar that it has for each run. A run that says nothing has no total there,
/// and its bar does not move.
fn progress(node: &str, what: &str, fraction: Option<f64>, elapsed: f64) -> Json {
    // Tenths of a percent: a person reads them.
    let percent = fraction.map(|fraction| (fraction * 1000.0).round() / 10.0);
    let (n, total, unit) = match percent {
        Some(percent) => (json!(percent), json!(100), "%"),
        None => (json!(0), Json::Null, "it"),
    };
    // Of it the UI makes how long the rest takes.
    let rate = percent.filter(|_| elapsed > 0.0);
    let rate = rate.map(|percent| percent / elapsed);
    // At the beginning it is a whole zero there.
    let elapsed = if elapsed == 0.0 {
        json!(0)
    } else {
        json!(elapsed)
    };
    json!({"node": node, "info": {
        "n": n,
        "total": total,
        "elapsed": elapsed,
        "ncols": null,
        "nrows": null,
        "prefix": what,
        "ascii": false,
        "unit": unit,
        "unit_scale": false,
        "rate": rate,
        "bar_format": null,
        "postfix": null,
        "unit_divisor": 1000,
        "initial": 0,
        "colour": null,
    }})
}
