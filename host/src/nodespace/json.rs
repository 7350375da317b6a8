//! What a graph looks like on the wire: FuncNodes' FullNodeJSON, status, library, edges, events.
//! How it is saved is in `save.rs`.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::class::{NodeClass, PortSpec};
use super::event::{Edge, GraphEvent};
use super::io::Slot;
use super::node::Node;
use super::value::{NO_VALUE, SharedValue};

/// Properties of a node that say where and how large it is drawn.
pub(super) const POSITION: &str = "frontend:pos";
pub(super) const SIZE: &str = "frontend:size";

/// FullNodeJSON.
pub(super) fn node(node: &Node, with_frontend: bool) -> Json {
    let io: Vec<Json> = node.slots().map(|slot| io(&node.id, slot)).collect();
    let mut json = json!({
        "name": node.name(),
        "id": &*node.id,
        "node_id": &*node.class_id,
        "io": io,
        "status": status(node),
        "node_name": node.node_name,
        "description": node.description(),
        "reset_inputs_on_trigger": node.resets(),
    });
    if let Some(entries) = json.as_object_mut() {
        entries.extend(render_options(node));
        if !node.properties.is_empty() {
            entries.insert("properties".into(), Json::Object(node.properties.clone()));
        }
        if with_frontend {
            entries.insert("frontend".into(), view(node));
        }
    }
    json
}

/// The entry of a node's JSON that says how it is shown, if anything says so.
pub(super) fn render_options(node: &Node) -> Option<(String, Json)> {
    let of_class = node
        .class
        .as_ref()
        .map(|class| class.render_options.as_ref());
    let options = of_class.unwrap_or_else(|| node.saved.get("render_options"))?;
    let is_empty = options.as_object().is_none_or(Map::is_empty);
    (!is_empty).then(|| ("render_options".to_owned(), options.clone()))
}

/// Where and how large a node is drawn.
pub(super) fn view(node: &Node) -> Json {
    let property = |key| node.properties.get(key).cloned();
    json!({
        "pos": property(POSITION).unwrap_or_else(|| json!([0, 0])),
        "size": property(SIZE).unwrap_or_else(|| json!([200, 250])),
    })
}

/// FullNodeIOJSON.
pub(super) fn io(node: &str, slot: &Slot) -> Json {
    let mut json = json!({
        "id": &*slot.id,
        "full_id": format!("{node}__{}", slot.id),
        "name": slot.name(),
        "type": slot.ty.json(),
        "is_input": slot.is_input,
        "connected": slot.is_connected(),
        "node": node,
        "does_trigger": slot.does_trigger,
        "render_options": slot.render(),
        "value_options": slot.options.json,
        "hidden": slot.is_hidden(),
        "emit_value_set": slot.emits,
    });
    if let Some(entries) = json.as_object_mut().filter(|_| slot.is_input) {
        entries.insert("default".into(), default(slot.default.as_ref()));
        entries.insert("required".into(), slot.required.into());
    }
    json
}

/// A default, which may be none.
pub(super) fn default(value: Option<&SharedValue>) -> Json {
    value.map_or_else(|| Json::from(NO_VALUE), |value| value.to_json())
}

/// What `get_io_value` answers of a value, which may be none.
pub(super) fn preview(value: Option<&SharedValue>) -> Json {
    value.map_or_else(|| Json::from(NO_VALUE), |value| value.preview_json())
}

/// NodeStatus. FuncNodes has no `error`: it is there only when the last run failed.
pub(super) fn status(node: &Node) -> Json {
    let by_id = |slots: &[Slot], of: &dyn Fn(&Slot) -> Json| -> Json {
        let entries = slots.iter().map(|slot| (slot.id.to_string(), of(slot)));
        Json::Object(entries.collect())
    };
    let mut status = json!({
        "ready": node.is_ready(),
        "ready_state": {"inputs": by_id(&node.inputs, &|slot| {
            json!({"node": true, "value": slot.effective().is_some()})
        })},
        "in_trigger": node.is_active(),
        "requests_trigger": node.requests_trigger,
        "inputs": by_id(&node.inputs, &|slot| json!({
            "required": slot.required,
            "has_value": slot.effective().is_some(),
            "has_node": true,
            "ready": slot.is_ready(),
            "connected": slot.is_connected(),
        })),
        "outputs": by_id(&node.outputs, &|slot| json!({
            "has_value": slot.value.is_some(),
            "has_node": true,
            "ready": true,
            "connected": slot.is_connected(),
        })),
    });
    if let (Some(error), Some(entries)) = (&node.error, status.as_object_mut()) {
        entries.insert("error".into(), error.as_str().into());
    }
    status
}

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
            Self::NodeReplaced { node, json, edges } => {
                let mut events = of_node("node_removed", node);
                events.push(("node_added", json!({ "node": json })));
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
                elapsed,
            } => vec![("progress", progress(node, what, *elapsed))],
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

/// What FuncNodes tells of the progress bar that it has for each run.
fn progress(node: &str, what: &str, elapsed: f64) -> Json {
    // At the beginning it is a whole zero there.
    let elapsed = if elapsed == 0.0 {
        json!(0)
    } else {
        json!(elapsed)
    };
    json!({"node": node, "info": {
        "n": 0,
        "total": null,
        "elapsed": elapsed,
        "ncols": null,
        "nrows": null,
        "prefix": what,
        "ascii": false,
        "unit": "it",
        "unit_scale": false,
        "rate": null,
        "bar_format": null,
        "postfix": null,
        "unit_divisor": 1000,
        "initial": 0,
        "colour": null,
    }})
}
