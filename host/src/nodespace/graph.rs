//! The state of a graph, under its lock. Nothing here waits, calls anyone or makes a task: what a
//! change brings about is noted in [`Effects`] and done when the lock is free again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::NewNode;
use super::class::{IoChange, NodeClass, Run};
use super::error::{GraphError, Result};
use super::event::{Dirty, GraphEvent};
use super::gone::Gone;
use super::groups::Groups;
use super::io::{self, Key, Ready, Slot};
use super::library::Library;
use super::node::Node;
use super::value::SharedValue;
use super::view::{IoView, NodeView};
use crate::limits::{
    MAX_NAME_BYTES, MAX_NODE_ID_BYTES, MAX_NODES, MAX_PROPERTIES_BYTES, MAX_TEXT_BYTES,
};
use crate::text;

/// What is to be done outside of the lock.
#[derive(Default)]
pub(super) struct Effects {
    pub events: Vec<GraphEvent>,
    pub dirty: Vec<Dirty>,
    /// Nodes to run.
    pub start: Vec<Start>,
    pub attach: Vec<Attach>,
    pub detach: Vec<(Arc<dyn Run>, Arc<str>)>,
    /// Values that were replaced, and conversions that were used: freeing a large one takes time.
    pub garbage: Vec<SharedValue>,
    pub used: Vec<Ready>,
}

/// A node that is to run.
pub(super) struct Start {
    pub key: Key,
    /// The task that may do it.
    pub task: u64,
    /// `None`: its class went meanwhile.
    pub run: Option<Arc<dyn Run>>,
}

/// A node whose class wants to hear of it before anyone else does.
pub(super) struct Attach {
    pub key: Key,
    pub node: Arc<str>,
    pub run: Arc<dyn Run>,
    /// Whether the node is new; else its class is.
    pub is_new: bool,
}

#[derive(Default)]
pub(super) struct Graph {
    /// In the order in which they were added.
    pub nodes: BTreeMap<Key, Node>,
    pub by_id: HashMap<Arc<str>, Key>,
    pub by_class: HashMap<Arc<str>, BTreeSet<Key>>,
    pub library: Library,
    pub groups: Groups,
    pub properties: Map<String, Json>,
    /// Nodes and groups.
    pub gone: Gone,
    pub edges: usize,
    /// Nodes that are not idle.
    pub active: usize,
    pub effects: Effects,
    /// Conversions for the change that is being made.
    pub ready: Vec<Ready>,
    clock: u64,
}

impl Graph {
    /// A number that was not given before and is larger than those that were.
    pub fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    pub fn event(&mut self, event: GraphEvent) {
        self.effects.events.push(event);
    }

    pub fn dirty(&mut self, what: Dirty) {
        if self.effects.dirty.last() != Some(&what) {
            self.effects.dirty.push(what);
        }
    }

    pub fn key(&self, node: &str) -> Result<Key> {
        let key = self.by_id.get(node).copied();
        key.ok_or_else(|| match self.gone.has(node) {
            true => GraphError::gone("node", node),
            false => GraphError::no_node(node),
        })
    }

    /// What to say of a group, of which `error` says that it is not there.
    pub fn no_group(&self, group: &str, error: GraphError) -> GraphError {
        match error {
            GraphError::NoGroup { .. } if self.gone.has(group) => GraphError::gone("group", group),
            other => other,
        }
    }

    pub fn node(&self, node: &str) -> Result<&Node> {
        let node_of = |key| self.nodes.get(&key);
        node_of(self.key(node)?).ok_or_else(|| GraphError::no_node(node))
    }

    pub fn node_mut(&mut self, node: &str) -> Result<&mut Node> {
        let key = self.key(node)?;
        let found = self.nodes.get_mut(&key);
        found.ok_or_else(|| GraphError::no_node(node))
    }

    /// An input or output of a node.
    pub fn slot(&self, node: &str, io: &str) -> Result<(&Node, &Slot)> {
        let node = self.node(node)?;
        let (is_input, index) = node.find(io)?;
        let slot = node.slot(is_input, index);
        let slot = slot.ok_or_else(|| GraphError::no_io(&node.id, io, "input or output"))?;
        Ok((node, slot))
    }

    /// Puts a node of a known class into the graph. Nobody hears of it before it was attached.
    pub fn add_node(&mut self, class_id: &str, new: NewNode) -> Result<Arc<str>> {
        let class = self.library.class(class_id);
        let class = Arc::clone(class.ok_or_else(|| GraphError::no_class(class_id))?);
        let id = self.free_id(new.id)?;
        let mut node = Node::new(id, class_id);
        node.own_name = new
            .name
            .map(|name| checked_name(&name))
            .transpose()?
            .flatten();
        node.own_description = new.description.as_deref().map(checked_text).transpose()?;
        node.own_reset = new.reset_inputs_on_trigger;
        if let Some(properties) = new.properties {
            merge_properties(&mut node.properties, &properties)?;
        }
        node.adopt(class);
        node.trigger_on_create = new.trigger_on_create.unwrap_or(node.trigger_on_create);
        for (io, value) in new.values {
            let index = node.find_input(&io)?;
            let now = self.tick();
            if let Some(slot) = node.inputs.get_mut(index) {
                slot.value = Some(slot.check(&node.id, &SharedValue::new(value), &[])?);
                slot.changed = now;
            }
        }
        Ok(self.insert(node))
    }

    /// An id that is free, the one that was asked for if any was.
    pub fn free_id(&self, asked: Option<String>) -> Result<Arc<str>> {
        if self.nodes.len() >= MAX_NODES {
            let (what, limit) = ("nodes", MAX_NODES);
            return Err(GraphError::TooMuch { what, limit });
        }
        let id = asked.unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
        let fine = !id.is_empty()
            && id.len() <= MAX_NODE_ID_BYTES
            && text::clean_line(&id, MAX_NODE_ID_BYTES) == id;
        if !fine {
            let problem = format!("must be 1 to {MAX_NODE_ID_BYTES} plain characters");
            return Err(GraphError::invalid("the id of the node", problem));
        }
        if self.by_id.contains_key(id.as_str()) {
            return Err(GraphError::taken("node", &id));
        }
        Ok(id.into())
    }

    pub fn insert(&mut self, node: Node) -> Arc<str> {
        let (key, id) = (self.tick(), Arc::clone(&node.id));
        self.by_id.insert(Arc::clone(&id), key);
        let of_class = self.by_class.entry(Arc::clone(&node.class_id));
        of_class.or_default().insert(key);
        match &node.class {
            Some(class) => self.effects.attach.push(Attach {
                key,
                node: Arc::clone(&id),
                run: Arc::clone(&class.run),
                is_new: true,
            }),
            None => {
                let node = Box::new(NodeView::of(&node, false));
                self.event(GraphEvent::NodeAdded { node });
            }
        }
        self.dirty(Dirty::Node(Arc::clone(&id)));
        self.nodes.insert(key, node);
        id
    }

    /// Sets what the class wants to be set at a node, and tells of the node.
    pub fn attached(&mut self, attach: &Attach, changes: Vec<(String, IoChange)>) {
        let before = self.effects.events.len();
        for (io, change) in changes {
            // A class that asks for nonsense is not worth losing the node.
            let _ = self.change_io(&attach.node, &io, change);
        }
        let Some(node) = self.nodes.get(&attach.key) else {
            return;
        };
        let (is_new, wants_run) = (attach.is_new, attach.is_new && node.trigger_on_create);
        if is_new {
            let node = Box::new(NodeView::of(node, false));
            self.effects
                .events
                .insert(before, GraphEvent::NodeAdded { node });
        }
        if wants_run {
            let wave = self.tick();
            self.request(vec![attach.key], wave);
        }
    }

    pub fn remove_node(&mut self, node: &str) -> Result<()> {
        let key = self.key(node)?;
        self.disconnect_all(key);
        self.settle_state(key);
        let Some(node) = self.nodes.remove(&key) else {
            return Ok(());
        };
        self.by_id.remove(&node.id);
        self.gone.note(Arc::clone(&node.id));
        if let Some(keys) = self.by_class.get_mut(&node.class_id) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_class.remove(&node.class_id);
            }
        }
        if self.groups.forget_node(&node.id) {
            self.dirty(Dirty::Groups);
        }
        if let Some(class) = &node.class {
            let run = Arc::clone(&class.run);
            self.effects.detach.push((run, Arc::clone(&node.id)));
        }
        self.dirty(Dirty::Node(Arc::clone(&node.id)));
        self.event(GraphEvent::NodeRemoved { node: node.id });
        Ok(())
    }

    pub fn clear(&mut self) {
        let ids: Vec<_> = self
            .nodes
            .values()
            .map(|node| Arc::clone(&node.id))
            .collect();
        for id in ids {
            let _ = self.remove_node(&id);
        }
        self.groups = Groups::default();
        self.properties = Map::new();
        self.effects.dirty = vec![Dirty::All];
    }

    /// Name, description, `reset_inputs_on_trigger` and properties of a node. Answers what of it
    /// was changed, as it is now.
    pub fn update_node(&mut self, node: &str, patch: &Json) -> Result<Json> {
        let node = self.node_mut(node)?;
        let invalid = |what, expects: &str| Err(GraphError::invalid(what, expects.to_owned()));
        let mut properties = node.properties.clone();
        if let Some(patch) = patch.get("properties") {
            merge_properties(&mut properties, patch)?;
        }
        let name = match patch.get("name") {
            None => None,
            Some(Json::Null) => Some(None),
            Some(Json::String(name)) => Some(checked_name(name)?),
            Some(_) => return invalid("the name of the node", "expects a text"),
        };
        let description = match patch.get("description") {
            None | Some(Json::Null) => None,
            Some(Json::String(description)) => Some(checked_text(description)?),
            Some(_) => return invalid("the description of the node", "expects a text"),
        };
        let reset = match patch.get("reset_inputs_on_trigger") {
            None => None,
            Some(Json::Null) => Some(None),
            Some(Json::Bool(reset)) => Some(Some(*reset)),
            Some(_) => return invalid("reset_inputs_on_trigger", "expects a boolean"),
        };
        let mut answer = Map::new();
        node.properties = properties;
        if let Some(name) = name {
            node.own_name = name;
            answer.insert("name".into(), node.name().into());
        }
        if let Some(description) = description {
            node.own_description = Some(description);
            answer.insert("description".into(), node.description().into());
        }
        if let Some(reset) = reset {
            node.own_reset = reset;
            answer.insert("reset_inputs_on_trigger".into(), node.resets().into());
        }
        let id = Arc::clone(&node.id);
        self.dirty(Dirty::Node(id));
        Ok(Json::Object(answer))
    }

    /// Name and visibility of an input or output. Answers all of it.
    pub fn update_io_options(&mut self, node: &str, io: &str, patch: &Json) -> Result<IoView> {
        let node = self.node_mut(node)?;
        let (is_input, index) = node.find(io)?;
        let id = Arc::clone(&node.id);
        let Some(slot) = node.slot_mut(is_input, index) else {
            return Err(GraphError::no_io(&id, io, "input or output"));
        };
        let name = patch.get("name").and_then(Json::as_str);
        if let Some(name) = name.map(checked_name).transpose()? {
            // Without a name it goes by its id, whatever the class calls it.
            let name = name.unwrap_or_else(|| io.to_owned());
            slot.own_name = Some(name).filter(|name| *name != slot.class_name);
        }
        if let Some(hidden) = patch.get("hidden").and_then(Json::as_bool) {
            let hidden = hidden && !slot.has_edges();
            slot.own_hidden = Some(hidden).filter(|hidden| *hidden != slot.class_hidden);
        }
        let answer = IoView::of(&id, slot);
        self.dirty(Dirty::Node(id));
        Ok(answer)
    }

    /// Value options of an input or output, laid over those that there are. Answers all of it.
    pub fn update_value_options(&mut self, node: &str, io: &str, patch: &Json) -> Result<IoView> {
        self.patch_value_options(node, io, |slot| slot.patch_options(patch))
    }

    fn patch_value_options(
        &mut self,
        node: &str,
        io: &str,
        patch: impl FnOnce(&mut Slot) -> Result<()>,
    ) -> Result<IoView> {
        let node = self.node_mut(node)?;
        let (is_input, index) = node.find(io)?;
        let id = Arc::clone(&node.id);
        let Some(slot) = node.slot_mut(is_input, index) else {
            return Err(GraphError::no_io(&id, io, "input or output"));
        };
        patch(slot)?;
        let answer = IoView::of(&id, slot);
        let options = Json::Object(slot.options.json.clone());
        let (node, io) = (Arc::clone(&id), Arc::clone(&slot.id));
        self.event(GraphEvent::ValueOptionsChanged { node, io, options });
        self.dirty(Dirty::Node(id));
        Ok(answer)
    }

    /// The default of an input; `None`: that of the class.
    pub fn set_default(
        &mut self,
        node: &str,
        io: &str,
        default: Option<SharedValue>,
    ) -> Result<()> {
        let key = self.key(node)?;
        let Some(node) = self.nodes.get_mut(&key) else {
            return Err(GraphError::no_node(node));
        };
        let index = node.find_input(io)?;
        let id = Arc::clone(&node.id);
        let Some(slot) = node.inputs.get_mut(index) else {
            return Err(GraphError::no_io(&id, io, "input"));
        };
        slot.default = match default {
            Some(default) => Some(slot.check(&id, &default, &self.ready)?),
            None => slot.class_default.clone(),
        };
        let (io, default) = (Arc::clone(&slot.id), slot.default.clone());
        self.dirty(Dirty::Node(Arc::clone(&id)));
        let node = id;
        self.event(GraphEvent::DefaultChanged { node, io, default });
        Ok(())
    }

    /// Makes a change that the class of a node asks for. Nobody waits for it to be saved.
    pub fn change_io(&mut self, node: &str, io: &str, change: IoChange) -> Result<()> {
        let before = self.effects.dirty.len();
        let changed = self.apply(node, io, change);
        for what in self.effects.dirty.iter_mut().skip(before) {
            if let Dirty::Node(node) = what {
                *what = Dirty::NodeByClass(Arc::clone(node));
            }
        }
        changed
    }

    fn apply(&mut self, node: &str, io: &str, change: IoChange) -> Result<()> {
        match change {
            IoChange::Value(value) => self.set_by_class(node, io, &value, true),
            IoChange::Shown(value) => self.set_by_class(node, io, &value, false),
            IoChange::Default(default) => self.set_default(node, io, default),
            IoChange::ValueOptions(patch) => self
                .patch_value_options(node, io, |slot| slot.patch_options_paid(&patch))
                .map(drop),
            IoChange::RenderOptions(patch) => {
                let node = self.node_mut(node)?;
                let (is_input, index) = node.find(io)?;
                let id = Arc::clone(&node.id);
                let Some(slot) = node.slot_mut(is_input, index) else {
                    return Err(GraphError::no_io(&id, io, "input or output"));
                };
                slot.patch_render_paid(&patch)?;
                let (io, options) = (Arc::clone(&slot.id), Json::Object(slot.render()));
                let node = id;
                self.event(GraphEvent::RenderOptionsChanged { node, io, options });
                Ok(())
            }
        }
    }

    pub fn nodes_of(&self, class: &NodeClass) -> Vec<Key> {
        let keys = self.by_class.get(class.id.as_str());
        keys.map(|keys| keys.iter().copied().collect())
            .unwrap_or_default()
    }
}

/// A name that a client gave; an empty one is none.
pub(super) fn checked_name(name: &str) -> Result<Option<String>> {
    let name = name.trim();
    if name.len() > MAX_NAME_BYTES {
        let (what, limit) = ("bytes of a name", MAX_NAME_BYTES);
        return Err(GraphError::TooMuch { what, limit });
    }
    Ok(Some(text::clean_line(name, MAX_NAME_BYTES)).filter(|name| !name.is_empty()))
}

pub(super) fn checked_text(description: &str) -> Result<String> {
    if description.len() > MAX_TEXT_BYTES {
        let (what, limit) = ("bytes of a description", MAX_TEXT_BYTES);
        return Err(GraphError::TooMuch { what, limit });
    }
    Ok(text::clean(description, MAX_TEXT_BYTES))
}

/// Writes `patch` over the properties of a node or of the graph.
pub(super) fn merge_properties(properties: &mut Map<String, Json>, patch: &Json) -> Result<()> {
    const WHAT: &str = "properties";
    io::check_json(patch, MAX_PROPERTIES_BYTES, WHAT)?;
    let Some(patch) = patch.as_object() else {
        return Err(GraphError::invalid(WHAT, "expects a dictionary"));
    };
    let mut merged = properties.clone();
    merged.extend(
        patch
            .iter()
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    io::check_size(&merged, MAX_PROPERTIES_BYTES, WHAT)?;
    *properties = merged;
    Ok(())
}
