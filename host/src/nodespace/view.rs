//! How a graph looks to its clients: FuncNodes' FullNodeJSON, FullNodeIOJSON, NodeStatus and groups, as
//! types. How it is saved is in `save.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::io::Slot;
use super::node::Node;
use super::value::{NO_VALUE, SharedValue};

/// Properties of a node that say where and how large it is drawn.
pub(super) const POSITION: &str = "frontend:pos";
pub(super) const SIZE: &str = "frontend:size";

/// A node: FullNodeJSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: Arc<str>,
    /// The id of its class.
    pub node_id: Arc<str>,
    /// Its inputs, then its outputs.
    pub io: Vec<IoView>,
    /// How it is.
    pub status: StatusView,
    /// The name of its class.
    pub node_name: String,
    /// What it does.
    pub description: String,
    /// Whether its inputs lose their values when it runs.
    pub reset_inputs_on_trigger: bool,
    /// How it is shown, if anything says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub render_options: Option<Json>,
    /// What clients keep with it.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Json>,
    /// Where it is drawn, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frontend: Option<PositionView>,
}

/// Where and how large a node is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PositionView {
    /// Two numbers.
    pub pos: Json,
    /// Two numbers.
    pub size: Json,
}

/// An input or an output: FullNodeIOJSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IoView {
    /// Its id, unique in the node.
    pub id: Arc<str>,
    /// Its id, unique in the graph.
    pub full_id: String,
    /// Its name.
    pub name: String,
    /// Its type, in FuncNodes' words.
    pub r#type: Json,
    /// Whether it is an input.
    pub is_input: bool,
    /// Whether an edge ends or begins here.
    pub connected: bool,
    /// The node's id.
    pub node: Arc<str>,
    /// Whether a new value runs the node.
    pub does_trigger: bool,
    /// How it is shown.
    pub render_options: Map<String, Json>,
    /// Which values are offered.
    pub value_options: Map<String, Json>,
    /// Whether it is shown.
    pub hidden: bool,
    /// Whether clients are told of every value.
    pub emit_value_set: bool,
    /// What only inputs have.
    #[serde(flatten)]
    pub input: Option<InputView>,
}

/// What only inputs have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputView {
    /// The value without an edge and without one that was set.
    pub default: Json,
    /// Whether the node runs without a value here.
    pub required: bool,
}

/// How a node is: NodeStatus.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusView {
    /// Whether it can run.
    pub ready: bool,
    /// What it waits for.
    pub ready_state: ReadyView,
    /// Whether it runs.
    pub in_trigger: bool,
    /// Whether it is to run.
    pub requests_trigger: bool,
    /// Its inputs, by their ids.
    pub inputs: BTreeMap<Arc<str>, IoStatusView>,
    /// Its outputs, by their ids.
    pub outputs: BTreeMap<Arc<str>, IoStatusView>,
    /// Why its last run failed, if it did: FuncNodes has no such member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a node waits for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadyView {
    /// Its inputs, by their ids.
    pub inputs: BTreeMap<Arc<str>, ReadyInputView>,
}

/// What an input waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadyInputView {
    /// Whether it belongs to a node: always.
    pub node: bool,
    /// Whether there is a value.
    pub value: bool,
}

/// How an input or an output is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IoStatusView {
    /// Whether the node runs without a value here; outputs have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required: Option<bool>,
    /// Whether there is a value.
    pub has_value: bool,
    /// Whether it belongs to a node: always.
    pub has_node: bool,
    /// Whether the node need not wait for it.
    pub ready: bool,
    /// Whether an edge ends or begins here.
    pub connected: bool,
}

/// A group of nodes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupView {
    /// The ids of its nodes.
    pub node_ids: Vec<String>,
    /// The ids of the groups in it.
    pub child_groups: Vec<String>,
    /// The id of the group that it is in.
    pub parent_group: Option<String>,
    /// What clients keep with it.
    pub meta: Map<String, Json>,
    /// Where it is drawn, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<[f64; 2]>,
}

impl NodeView {
    pub(super) fn of(node: &Node, with_frontend: bool) -> Self {
        Self {
            name: node.name(),
            id: Arc::clone(&node.id),
            node_id: Arc::clone(&node.class_id),
            io: node
                .slots()
                .map(|slot| IoView::of(&node.id, slot))
                .collect(),
            status: StatusView::of(node),
            node_name: node.node_name.clone(),
            description: node.description().to_owned(),
            reset_inputs_on_trigger: node.resets(),
            render_options: render_options(node).cloned(),
            properties: node.properties.clone(),
            frontend: with_frontend.then(|| PositionView::of(node)),
        }
    }

    /// Whether its class decides that it looks like `other`.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        let with_status_of_other = Self {
            status: other.status.clone(),
            ..self.clone()
        };
        with_status_of_other == *other
    }
}

/// How a node is shown, if anything says so.
pub(super) fn render_options(node: &Node) -> Option<&Json> {
    let of_class = node.class.as_ref();
    let of_class = of_class.map(|class| class.render_options.as_ref());
    let options = of_class.unwrap_or_else(|| node.saved.get("render_options"))?;
    let is_empty = options.as_object().is_none_or(Map::is_empty);
    (!is_empty).then_some(options)
}

impl PositionView {
    pub(super) fn of(node: &Node) -> Self {
        let property = |key| node.properties.get(key).cloned();
        Self {
            pos: property(POSITION).unwrap_or_else(|| json!([0, 0])),
            size: property(SIZE).unwrap_or_else(|| json!([200, 250])),
        }
    }
}

impl IoView {
    pub(super) fn of(node: &Arc<str>, slot: &Slot) -> Self {
        Self {
            id: Arc::clone(&slot.id),
            full_id: format!("{node}__{}", slot.id),
            name: slot.name().to_owned(),
            r#type: slot.ty.json().clone(),
            is_input: slot.is_input,
            connected: slot.is_connected(),
            node: Arc::clone(node),
            does_trigger: slot.does_trigger,
            render_options: slot.render(),
            value_options: slot.options.json.clone(),
            hidden: slot.is_hidden(),
            emit_value_set: slot.emits,
            input: slot.is_input.then(|| InputView {
                default: default(slot.default.as_ref()),
                required: slot.required,
            }),
        }
    }
}

/// A default, which may be none.
fn default(value: Option<&SharedValue>) -> Json {
    value.map_or_else(|| Json::from(NO_VALUE), |value| value.to_json())
}

/// What `get_io_value` answers of a value, which may be none.
pub(super) fn preview(value: Option<&SharedValue>) -> Json {
    value.map_or_else(|| Json::from(NO_VALUE), |value| value.preview_json())
}

impl StatusView {
    pub(super) fn of(node: &Node) -> Self {
        let inputs = || node.inputs.iter();
        let waits = |slot: &Slot| {
            let value = slot.effective().is_some();
            (Arc::clone(&slot.id), ReadyInputView { node: true, value })
        };
        Self {
            ready: node.is_ready(),
            ready_state: ReadyView {
                inputs: inputs().map(waits).collect(),
            },
            in_trigger: node.is_active(),
            requests_trigger: node.requests_trigger,
            inputs: inputs().map(IoStatusView::of).collect(),
            outputs: node.outputs.iter().map(IoStatusView::of).collect(),
            error: node.error.clone(),
        }
    }
}

impl IoStatusView {
    fn of(slot: &Slot) -> (Arc<str>, Self) {
        let (value, ready) = if slot.is_input {
            (slot.effective().is_some(), slot.is_ready())
        } else {
            (slot.value.is_some(), true)
        };
        let view = Self {
            required: slot.is_input.then_some(slot.required),
            has_value: value,
            has_node: true,
            ready,
            connected: slot.is_connected(),
        };
        (Arc::clone(&slot.id), view)
    }
}
