//! What is kept of a graph: FuncNodes' `backend` member, with everything that is as its class says
//! left out. Values are not kept, only defaults. Whatever is loaded is a stranger's.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::class::PortSpec;
use super::error::{GraphError, Result, named};
use super::graph::{self, Graph};
use super::io::{Slot, TRIGGER_INPUT, TRIGGER_OUTPUT, check_json, check_size};
use super::node::Node;
use super::types::Type;
use super::value::Value;
use super::view;
use crate::limits::{
    MAX_EDGES, MAX_LOAD_PROBLEMS, MAX_NODES, MAX_OPTIONS_BYTES, MAX_PORTS, MAX_SAVED_NODE_BYTES,
};

/// What was not taken of a document, and why: the first of it, and how much more there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// A sentence each; at most [`MAX_LOAD_PROBLEMS`].
    pub lines: Vec<String>,
    /// How many further ones there were.
    pub more: usize,
}

impl LeftOut {
    /// One more.
    pub fn push(&mut self, line: impl Into<String>) {
        if self.lines.len() < MAX_LOAD_PROBLEMS {
            self.lines.push(line.into());
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Those of `other`, too.
    pub fn append(&mut self, other: Self) {
        other.lines.into_iter().for_each(|line| self.push(line));
        self.more = self.more.saturating_add(other.more);
    }
}

/// What [`NodeSpace::load`](super::NodeSpace::load) made of what it was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Nodes that are there now.
    pub nodes: usize,
    /// Edges that are there now.
    pub edges: usize,
    /// Nodes whose class is not in the library: the node and its class.
    pub placeholders: Vec<(String, String)>,
    /// What was left out.
    pub left_out: LeftOut,
}

impl LoadReport {
    fn problem(&mut self, problem: String) {
        self.left_out.push(problem);
    }

    /// What a part of a node is, if it is as it should be; the node is loaded without it otherwise.
    fn part<T>(&mut self, node: &str, part: Result<T>) -> Option<T> {
        part.map_err(|problem| self.problem(format!("the node `{}`: {problem}", named(node))))
            .ok()
    }
}

/// A node as it is saved.
pub(super) fn node(node: &Node) -> Map<String, Json> {
    let mut saved = node.saved.clone();
    for (key, value) in [
        ("name", Json::from(node.name())),
        ("id", Json::from(&*node.id)),
        ("node_id", Json::from(&*node.class_id)),
        ("node_name", Json::from(node.node_name.as_str())),
    ] {
        saved.insert(key.into(), value);
    }
    let mut put = |key: &str, value: Option<Json>| {
        saved.remove(key);
        saved.extend(value.map(|value| (key.to_owned(), value)));
    };
    let description = node.own_description.as_deref();
    put("description", description.map(Json::from));
    put("reset_inputs_on_trigger", node.own_reset.map(Json::from));
    put("render_options", view::render_options(node).cloned());
    let properties = Some(&node.properties).filter(|properties| !properties.is_empty());
    put("properties", properties.cloned().map(Json::Object));
    let known = saved.remove("io");
    let known = |id: &str| known.as_ref()?.get(id)?.as_object().cloned();
    let slots = node.slots().filter(|slot| &*slot.id != TRIGGER_INPUT);
    let io = slots.map(|slot| {
        let mut entry = known(&slot.id).unwrap_or_default();
        save_slot(slot, node.class.is_none(), &mut entry);
        (slot.id.to_string(), Json::Object(entry))
    });
    saved.insert("io".into(), Json::Object(io.collect()));
    saved
}

fn save_slot(slot: &Slot, with_type: bool, saved: &mut Map<String, Json>) {
    let mut put = |key: &str, value: Option<Json>| {
        saved.remove(key);
        saved.extend(value.map(|value| (key.to_owned(), value)));
    };
    put("is_input", Some(slot.is_input.into()));
    put("emit_value_set", Some(slot.emits.into()));
    let name = Some(slot.name()).filter(|name| *name != &*slot.id);
    put("name", name.map(Json::from));
    // That a hidden port is shown is said only when a person wants it.
    let hidden = slot.is_hidden();
    let hidden = (hidden || slot.own_hidden.is_some()).then_some(hidden);
    put("hidden", hidden.map(Json::from));
    if with_type {
        put("type", Some(slot.ty.json().clone()));
    }
    let by_type = slot.ty.default_value_options();
    let options = Json::Object(slot.options.json.clone());
    put("value_options", (options != by_type).then_some(options));
    // FuncNodes forgets what was changed about options. Without this there would be no telling
    // what a person changed from what the class said then.
    let object = |entries: &Map<String, Json>| {
        let entries = Some(entries).filter(|entries| !entries.is_empty());
        entries.cloned().map(Json::Object)
    };
    put("own_value_options", object(&slot.own_options));
    put("own_render_options", object(&slot.own_render));
    put("render_options", object(&slot.render()));
    let several = Some(slot.takes_several()).filter(|several| *several == slot.is_input);
    put("allow_multiple", several.map(Json::from));
    if slot.is_input {
        put("required", (!slot.required).then_some(false.into()));
        put("does_trigger", (!slot.does_trigger).then_some(false.into()));
        put(
            "default",
            slot.own_default().map(|default| default.to_json()),
        );
    }
}

/// The whole graph as it is saved.
pub(super) fn backend(graph: &Graph) -> Json {
    let nodes: Vec<Json> = graph
        .nodes
        .values()
        .map(|n| Json::Object(node(n)))
        .collect();
    json!({
        "nodes": nodes,
        "edges": edges(graph),
        "prop": graph.properties,
        "groups": graph.groups.view(),
    })
}

pub(super) fn edges(graph: &Graph) -> Json {
    graph.all_edges().map(|edge| json!(edge)).collect()
}

fn list<'a>(backend: &'a Json, what: &'static str, limit: usize) -> Result<&'a [Json]> {
    let list = backend.get(what).and_then(Json::as_array);
    let list = list.map_or(&[][..], Vec::as_slice);
    if list.len() > limit {
        return Err(GraphError::TooMuch { what, limit });
    }
    Ok(list)
}

impl Graph {
    /// Replaces all nodes by saved ones. Nothing changes when it is too much; what is wrong is left
    /// out.
    pub fn load_nodes(&mut self, backend: &Json) -> Result<LoadReport> {
        if !backend.is_object() {
            return Err(GraphError::invalid("a saved graph", "expects a dictionary"));
        }
        let nodes = list(backend, "nodes", MAX_NODES)?;
        list(backend, "edges", MAX_EDGES)?;
        let mut report = LoadReport::default();
        for part in ["nodes", "edges"] {
            let is_list = |part: &Json| part.is_array() || part.is_null();
            if !backend.get(part).is_none_or(is_list) {
                report.problem(format!("`{part}` is not a list"));
            }
        }
        let mut properties = Map::new();
        match backend.get("prop") {
            None | Some(Json::Null) => {}
            Some(saved) => {
                if let Err(problem) = graph::merge_properties(&mut properties, saved) {
                    report.problem(format!("`prop`: {problem}"));
                }
            }
        }
        self.clear();
        self.properties = properties;
        for (index, saved) in nodes.iter().enumerate() {
            match self.load_node(saved, &mut report) {
                Ok(()) => report.nodes += 1,
                Err(error) => report.problem(format!("node {index}: {error}")),
            }
        }
        Ok(report)
    }

    /// Connects and groups what [`Graph::load_nodes`] loaded.
    pub fn load_edges(&mut self, backend: &Json, report: &mut LoadReport) {
        let edges = list(backend, "edges", MAX_EDGES).unwrap_or_default();
        // Before the first edge is there: edges know slots by their places.
        for [from, from_io, to, to_io] in edges.iter().filter_map(ends) {
            self.make_up_slot(from, from_io, false);
            self.make_up_slot(to, to_io, true);
        }
        for saved in edges {
            match self.load_edge(saved) {
                Ok(()) => report.edges += 1,
                Err(error) => report.problem(error.to_string()),
            }
        }
        if let Some(saved) = backend.get("groups").filter(|groups| !groups.is_null()) {
            let ids: HashSet<Arc<str>> = self.by_id.keys().cloned().collect();
            match self.groups.load(saved, |node| ids.contains(node)) {
                Ok(left_out) => left_out.into_iter().for_each(|what| report.problem(what)),
                Err(error) => report.problem(error.to_string()),
            }
        }
    }

    fn load_node(&mut self, saved: &Json, report: &mut LoadReport) -> Result<()> {
        const WHAT: &str = "a saved node";
        check_size(saved, MAX_SAVED_NODE_BYTES, WHAT)?;
        let saved = saved.as_object();
        let saved = saved.ok_or_else(|| GraphError::invalid(WHAT, "expects a dictionary"))?;
        let text = |key: &str| saved.get(key).and_then(Json::as_str);
        let (Some(id), Some(class_id)) = (text("id"), text("node_id")) else {
            return Err(GraphError::invalid(WHAT, "needs `id` and `node_id`"));
        };
        let id = self.free_id(Some(id.to_owned()))?;
        // A class id takes the room of an instance's uuid, its class and a method.
        if class_id.is_empty() || class_id.len() > crate::limits::MAX_TEXT_BYTES {
            return Err(GraphError::invalid(
                WHAT,
                "has a `node_id` that is not allowed",
            ));
        }
        let mut node = Node::new(id, class_id);
        let name = text("name").map(graph::checked_name);
        node.own_name = name.and_then(|name| report.part(&node.id, name)).flatten();
        let description = text("description").filter(|description| !description.is_empty());
        let description = description.map(graph::checked_text);
        node.own_description = description.and_then(|text| report.part(&node.id, text));
        node.own_reset = saved.get("reset_inputs_on_trigger").and_then(Json::as_bool);
        if let Some(properties) = saved.get("properties").filter(|saved| !saved.is_null()) {
            let merged = graph::merge_properties(&mut node.properties, properties);
            report.part(&node.id, merged);
        }
        let class = self.library.class(class_id).cloned();
        if let Some(class) = &class {
            node.adopt(Arc::clone(class));
        } else {
            node.node_name = named(text("node_name").unwrap_or(class_id));
            node.class_description = format!(
                "Its class `{}` is not here. The node keeps what was saved, and runs once the class \
                 comes.",
                named(class_id)
            );
            placeholder_slots(&mut node, saved);
            node.saved.clone_from(saved);
            if let Some(options) = saved.get("render_options") {
                let checked = check_json(options, MAX_OPTIONS_BYTES, "render options");
                if report.part(&node.id, checked).is_none() {
                    node.saved.remove("render_options");
                }
            }
            let (node, class) = (named(&node.id), named(class_id));
            report.placeholders.push((node, class));
        }
        let io = saved.get("io").filter(|io| !io.is_null());
        let entries = io.and_then(Json::as_object);
        if io.is_some() && entries.is_none() {
            report.problem(format!(
                "the node `{}`: `io` is not an object",
                named(&node.id)
            ));
        }
        let has_class = class.is_some();
        for (io, saved) in entries.into_iter().flatten() {
            if let Ok((is_input, index)) = node.find(io)
                && let Some(slot) = node.slot_mut(is_input, index)
                && let Err(problem) = load_slot(slot, has_class, saved)
            {
                let (node, io) = (named(&node.id), named(io));
                report.problem(format!("`{io}` of the node `{node}`: {problem}"));
            }
        }
        self.insert(node);
        Ok(())
    }

    fn load_edge(&mut self, saved: &Json) -> Result<()> {
        let invalid = || GraphError::invalid("an edge", "expects a list of four names");
        let [from, from_io, to, to_io] = ends(saved).ok_or_else(invalid)?;
        self.connect((from, from_io), (to, to_io), false).map(drop)
    }

    /// A placeholder that was saved without telling of a port has it all the same.
    fn make_up_slot(&mut self, node: &str, io: &str, is_input: bool) {
        let Ok(node) = self.node_mut(node) else {
            return;
        };
        if node.class.is_none() && node.find(io).is_err() && node.slots().count() < MAX_PORTS {
            let slot = Slot::new(&PortSpec::new(named(io), Type::any()), is_input, None);
            put_slot(node, slot);
        }
    }
}

/// The four names of an edge.
fn ends(saved: &Json) -> Option<[&str; 4]> {
    let parts = saved.as_array()?.iter().map(Json::as_str);
    parts.collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// Puts a slot into a placeholder by its name: what is saved of its slots has no other order.
fn put_slot(node: &mut Node, slot: Slot) {
    let slots = if slot.is_input {
        &mut node.inputs
    } else {
        &mut node.outputs
    };
    // The one that every node has stays the last.
    let own = slots.len().saturating_sub(1);
    let at = slots.iter().take(own).position(|other| other.id > slot.id);
    slots.insert(at.unwrap_or(own), slot);
}

/// The slots of a node whose class is not there, from what was saved of them.
fn placeholder_slots(node: &mut Node, saved: &Map<String, Json>) {
    let entries = saved.get("io").and_then(Json::as_object);
    for (id, saved) in entries.into_iter().flatten().take(MAX_PORTS) {
        if id == TRIGGER_INPUT || id == TRIGGER_OUTPUT || id.is_empty() || named(id) != *id {
            continue;
        }
        let flag = |key: &str| saved.get(key).and_then(Json::as_bool);
        let small = |key: &str| {
            let json = saved.get(key)?;
            let fits = check_json(json, MAX_OPTIONS_BYTES, "options").is_ok();
            fits.then(|| json.clone())
        };
        let spec = PortSpec {
            required: flag("required").unwrap_or(true),
            does_trigger: flag("does_trigger").unwrap_or(true),
            value_options: small("value_options"),
            render_options: small("render_options"),
            allow_multiple: flag("allow_multiple"),
            ..PortSpec::new(
                id.as_str(),
                small("type").map_or_else(Type::any, |ty| Type::parse(&ty)),
            )
        };
        let is_input = flag("is_input").unwrap_or(false);
        let slot = Slot {
            emits: flag("emit_value_set").unwrap_or(true),
            ..Slot::new(&spec, is_input, None)
        };
        put_slot(node, slot);
    }
}

/// What was changed about a slot. What does not fit any more is as the class says.
fn load_slot(slot: &mut Slot, has_class: bool, saved: &Json) -> Result<(), String> {
    let text = |key: &str| saved.get(key).and_then(Json::as_str);
    let problem = |error: GraphError| error.to_string();
    if let Some(name) = text("name").map(graph::checked_name) {
        let name = name.map_err(problem)?;
        slot.own_name = name.filter(|name| *name != slot.class_name);
    }
    if let Some(hidden) = saved.get("hidden").and_then(Json::as_bool) {
        // What an unknown class says is not known, so all that was saved counts.
        let own = !has_class || hidden != slot.class_hidden;
        slot.own_hidden = Some(hidden).filter(|_| own);
    }
    if let Some(patch) = saved.get("own_value_options") {
        slot.patch_options(patch).map_err(problem)?;
    }
    if let Some(patch) = saved.get("own_render_options") {
        slot.patch_render(patch).map_err(problem)?;
    }
    if !slot.is_input {
        return Ok(());
    }
    let value = |key: &str| saved.get(key).cloned().and_then(Value::from_wire);
    if let Some(default) = value("default") {
        slot.default = Some(slot.ty.coerce(default)?);
    }
    // FuncNodes writes values in the form that it does not save by itself.
    if let Some(value) = value("value") {
        slot.value = Some(slot.ty.coerce(value)?);
    }
    Ok(())
}
