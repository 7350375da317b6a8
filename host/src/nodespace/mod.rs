//! The graph engine of a FuncNodes Worker: typed values, a library of node classes, nodes, edges
//! and groups, and the rules by which nodes trigger each other. It knows nothing of what a node
//! runs but the trait [`Run`].
//!
//! One lock guards the graph. It is held for short steps only: never while something runs, waits
//! or is told to the [`Observer`]. Values are shared, never copied, on their way.

mod class;
mod edges;
mod error;
mod event;
mod flow;
mod gone;
mod graph;
mod groups;
mod io;
mod json;
mod library;
mod node;
mod placeholder;
mod run;
mod save;
mod types;
mod value;
mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::{Map, Value as Json};

pub use self::class::{IoChange, NodeClass, PortSpec, Ports, Run, node_rendering};
pub use self::error::{GraphError, Result};
pub use self::event::{Dirty, Edge, GraphEvent, Observer};
pub use self::gone::Gone;
pub use self::io::{TRIGGER_INPUT, TRIGGER_OUTPUT};
pub use self::library::{NodesOnRemoval, Shelf};
pub use self::save::{LeftOut, LoadReport};
pub(crate) use self::types::Shape;
pub use self::types::Type;
pub use self::value::{Array, Dtype, NO_VALUE, SharedValue, Value};
pub use self::view::{
    GroupView, InputView, IoStatusView, IoView, NodeView, PositionView, ReadyInputView, ReadyView,
    StatusView,
};
pub use crate::media::Media;

use self::io::Ready;
use self::library::Written;
use self::run::Inner;
use crate::executor::Executor;
use crate::limits::{MAX_LONE_PREVIEW_MEDIA_BYTES, NODES_AT_ONCE};

/// What a new node may be given.
#[derive(Debug, Clone, Default)]
pub struct NewNode {
    /// Its id; `None`: a random one.
    pub id: Option<String>,
    /// Its name; `None`: `<class_name>(<id>)`.
    pub name: Option<String>,
    /// Its description; `None`: that of the class.
    pub description: Option<String>,
    /// Whether a run uses its inputs up; `None`: as the class says.
    pub reset_inputs_on_trigger: Option<bool>,
    /// Whether it runs at once when it is ready; `None`: as the class says.
    pub trigger_on_create: Option<bool>,
    /// Properties, such as `frontend:pos`.
    pub properties: Option<Json>,
    /// Values of inputs.
    pub values: Vec<(String, Value)>,
}

/// A graph. Clones are the same graph.
#[derive(Clone)]
pub struct NodeSpace {
    inner: Arc<Inner>,
}

/// A graph that may be gone.
#[derive(Clone)]
pub struct WeakNodeSpace(Weak<Inner>);

impl WeakNodeSpace {
    fn of(inner: &Arc<Inner>) -> Self {
        Self(Arc::downgrade(inner))
    }

    /// The value that is in force at an input of a node; `None`: there is none, or no such input.
    pub fn input(&self, node: &str, io: &str) -> Option<SharedValue> {
        self.0.upgrade()?.read(|graph| {
            let node = graph.node(node).ok()?;
            let slot = node.inputs.get(node.find_input(io).ok()?)?;
            slot.effective().cloned()
        })
    }
}

impl NodeSpace {
    /// An empty graph that runs its nodes on `threads` and tells `observer` what happens.
    pub fn new(threads: Executor, observer: Arc<dyn Observer>) -> Self {
        let inner = Arc::new(Inner::new(threads, observer));
        Self { inner }
    }

    /// Puts a shelf at `path`, whose last part is its name; missing shelves on the way are made.
    /// What was there is replaced as a whole: nodes of classes that are there again go on with the
    /// new ones, values, defaults and edges kept by the ids of the ports; nodes of classes that are
    /// not become placeholders; placeholders of classes that come are nodes again.
    ///
    /// # Errors
    /// When the path is empty, the library too large, or a class has a port twice.
    pub fn put_shelf(&self, path: &[&str], shelf: Shelf) -> Result<()> {
        let shelf = Written::new(path, shelf)?;
        self.inner.change(|graph| graph.put_shelf(path, shelf))
    }

    /// Removes a shelf with everything on it.
    ///
    /// # Errors
    /// When there is none.
    pub fn remove_shelf(&self, path: &[&str], nodes: NodesOnRemoval) -> Result<()> {
        self.inner.change(|graph| graph.remove_shelf(path, nodes))
    }

    /// The library as clients see it: the text of `{"shelves": […]}`.
    pub fn library_text(&self) -> String {
        self.inner.read(|graph| graph.library.text())
    }

    /// Whether the library has a class.
    pub fn has_class(&self, class_id: &str) -> bool {
        self.inner
            .read(|graph| graph.library.class(class_id).is_some())
    }

    /// Makes a node. Answers what it looks like.
    ///
    /// # Errors
    /// When there is no such class, the id is taken, or something given does not fit.
    pub fn add_node(&self, class_id: &str, new: NewNode) -> Result<NodeView> {
        let id = self.inner.change(|graph| graph.add_node(class_id, new))?;
        self.node(&id, false)
    }

    /// Removes a node and its edges. What it runs right now is not heard any more.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn remove_node(&self, node: &str) -> Result<()> {
        self.inner.change(|graph| graph.remove_node(node))
    }

    /// Changes `name`, `description`, `reset_inputs_on_trigger` and single `properties` of a node.
    /// Answers what of it was changed but properties, as it is now.
    ///
    /// # Errors
    /// When there is no such node, or something does not fit; nothing is changed then.
    pub fn update_node(&self, node: &str, patch: &Json) -> Result<Json> {
        self.inner.change(|graph| graph.update_node(node, patch))
    }

    /// Moves (`pos`) and sizes (`size`) a node.
    ///
    /// # Errors
    /// When there is no such node, or it is too much.
    pub fn update_node_view(&self, node: &str, view: &Json) -> Result<()> {
        let mut properties = Map::new();
        for (key, property) in [("pos", view::POSITION), ("size", view::SIZE)] {
            let given = view.get(key).filter(|given| !given.is_null());
            properties.extend(given.map(|given| (property.to_owned(), given.clone())));
        }
        self.update_node(node, &serde_json::json!({ "properties": properties }))
            .map(drop)
    }

    /// What a node looks like, with where it is drawn if asked for.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn node(&self, node: &str, with_frontend: bool) -> Result<NodeView> {
        let look = |graph: &graph::Graph| Ok(NodeView::of(graph.node(node)?, with_frontend));
        self.inner.read(look)
    }

    /// What every node looks like, in the order in which they were added. The graph may change
    /// between one part of it and the next.
    pub fn nodes(&self, with_frontend: bool) -> Vec<NodeView> {
        let (mut nodes, mut after) = (Vec::new(), 0);
        loop {
            // Part by part, since others wait for the lock meanwhile.
            let before = nodes.len();
            self.inner.read(|graph| {
                let part = graph.nodes.range(after + 1..).take(NODES_AT_ONCE);
                for (key, node) in part {
                    nodes.push(NodeView::of(node, with_frontend));
                    after = *key;
                }
            });
            if nodes.len() - before < NODES_AT_ONCE {
                return nodes;
            }
        }
    }

    /// The status of a node.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn status(&self, node: &str) -> Result<StatusView> {
        self.inner
            .read(|graph| Ok(StatusView::of(graph.node(node)?)))
    }

    /// The ids of all nodes, in the order in which they were added.
    pub fn node_ids(&self) -> Vec<Arc<str>> {
        self.inner.read(|graph| {
            let nodes = graph.nodes.values();
            nodes.map(|node| Arc::clone(&node.id)).collect()
        })
    }

    /// The ids of the nodes of a class.
    #[cfg(test)]
    pub(crate) fn nodes_of_class(&self, class_id: &str) -> Vec<Arc<str>> {
        self.inner.read(|graph| {
            let keys = graph.by_class.get(class_id).into_iter().flatten();
            let nodes = keys.filter_map(|key| graph.nodes.get(key));
            nodes.map(|node| Arc::clone(&node.id)).collect()
        })
    }

    /// Sets an input, `None`: takes its value away. With `set_default` it is the default as well.
    /// The node is triggered if the input does so. Answers the value that is in force then.
    ///
    /// # Errors
    /// When there is no such input, or the value does not fit it; nothing is changed then.
    pub fn set_value(
        &self,
        node: &str,
        io: &str,
        value: impl Into<Option<Value>>,
        set_default: bool,
    ) -> Result<Option<SharedValue>> {
        let value = value.into().map(SharedValue::new);
        let ready = self.convert(node, io, value.as_ref());
        self.inner
            .change_with(ready.into_iter().collect(), |graph| {
                graph.set_value(node, io, value, set_default)?;
                Ok(graph.slot(node, io)?.1.effective().cloned())
            })
    }

    /// A large value as an input takes it, found out before the graph is locked.
    fn convert(&self, node: &str, io: &str, value: Option<&SharedValue>) -> Option<Ready> {
        let value = value.filter(|value| value.is_heavy())?;
        let look = |graph: &graph::Graph| graph.slot(node, io).map(|(_, slot)| slot.ty.clone());
        Some(Ready::new(value, self.inner.read(look).ok()?))
    }

    /// Sets several inputs of a node: all or none of them, with one trigger for all.
    ///
    /// # Errors
    /// As [`NodeSpace::set_value`].
    #[cfg(test)]
    pub(crate) fn set_values(
        &self,
        node: &str,
        values: Vec<(String, Option<Value>)>,
    ) -> Result<()> {
        let values = values.into_iter();
        let values: Vec<_> = values
            .map(|(io, value)| (io, value.map(SharedValue::new)))
            .collect();
        let ready = values.iter();
        let ready = ready.filter_map(|(io, value)| self.convert(node, io, value.as_ref()));
        self.inner.change_with(ready.collect(), |graph| {
            graph.set_values(node, values, false)
        })
    }

    /// Sets the default of an input; `None`: that of the class again. Triggers nothing.
    ///
    /// # Errors
    /// As [`NodeSpace::set_value`].
    pub fn set_default(&self, node: &str, io: &str, default: Option<Value>) -> Result<()> {
        let default = default.map(SharedValue::new);
        let ready = self.convert(node, io, default.as_ref());
        self.inner
            .change_with(ready.into_iter().collect(), |graph| {
                graph.set_default(node, io, default)
            })
    }

    /// Makes a change that a node's class asks for.
    ///
    /// # Errors
    /// As [`NodeSpace::set_value`].
    pub fn change_io(&self, node: &str, io: &str, change: IoChange) -> Result<()> {
        self.inner.change(|graph| graph.change_io(node, io, change))
    }

    /// Tells how far the run of a node is, as it says itself: `fraction` is between 0 and 1. Nothing is told of
    /// a node that does not run.
    pub fn tell_progress(&self, node: &str, fraction: f64, what: String, elapsed: Duration) {
        self.inner
            .change(|graph| graph.tell_progress(node, fraction, what, elapsed));
    }

    /// The same graph, without keeping it.
    pub fn downgrade(&self) -> WeakNodeSpace {
        WeakNodeSpace::of(&self.inner)
    }

    /// Changes `name` and `hidden` of an input or output. Answers its FullNodeIOJSON.
    ///
    /// # Errors
    /// When there is no such input or output.
    pub fn update_io_options(&self, node: &str, io: &str, patch: &Json) -> Result<IoView> {
        self.inner
            .change(|graph| graph.update_io_options(node, io, patch))
    }

    /// Lays `patch` over the value options of an input or output. Answers its FullNodeIOJSON.
    ///
    /// # Errors
    /// When there is no such input or output, or it is too much.
    pub fn update_value_options(&self, node: &str, io: &str, patch: &Json) -> Result<IoView> {
        self.inner
            .change(|graph| graph.update_value_options(node, io, patch))
    }

    /// What an input or output looks like.
    ///
    /// # Errors
    /// When there is no such input or output.
    pub fn io(&self, node: &str, io: &str) -> Result<IoView> {
        self.inner.read(|graph| {
            let (node, slot) = graph.slot(node, io)?;
            Ok(IoView::of(&node.id, slot))
        })
    }

    /// The value of an input or output: of an input without one, its default.
    ///
    /// # Errors
    /// When there is no such input or output.
    pub fn value(&self, node: &str, io: &str) -> Result<Option<SharedValue>> {
        let look = |graph: &graph::Graph| Ok(graph.slot(node, io)?.1.effective().cloned());
        self.inner.read(look)
    }

    /// [`NodeSpace::value`] of every input and output of a node.
    ///
    /// # Errors
    /// When there is no such node.
    #[allow(
        clippy::type_complexity,
        reason = "a list of names and values is what it is"
    )]
    pub fn values(&self, node: &str) -> Result<Vec<(Arc<str>, Option<SharedValue>)>> {
        self.inner.read(|graph| {
            let slots = graph.node(node)?.slots();
            Ok(slots
                .map(|slot| (Arc::clone(&slot.id), slot.effective().cloned()))
                .collect())
        })
    }

    /// What `get_io_value` answers.
    ///
    /// # Errors
    /// When there is no such input or output.
    pub fn preview(&self, node: &str, io: &str) -> Result<Json> {
        let value = self.value(node, io)?;
        Ok(match value.as_deref() {
            Some(Value::Media(media)) => media.preview(MAX_LONE_PREVIEW_MEDIA_BYTES).into(),
            _ => view::preview(value.as_ref()),
        })
    }

    /// What `get_ios_values` answers.
    ///
    /// # Errors
    /// When there is no such node.
    pub fn previews(&self, node: &str) -> Result<BTreeMap<Arc<str>, Json>> {
        let values = self.values(node)?.into_iter();
        Ok(values
            .map(|(io, value)| (io, view::preview(value.as_ref())))
            .collect())
    }

    /// Runs a node, after its present run if there is one.
    ///
    /// # Errors
    /// When there is no such node, its class is missing, or a required input has no value.
    pub fn trigger(&self, node: &str) -> Result<()> {
        self.inner.change(|graph| graph.trigger(node))
    }

    /// Runs a node now or, if a required input has no value, as soon as it has one.
    ///
    /// # Errors
    /// When there is no such node, or its class is missing.
    pub fn request_trigger(&self, node: &str) -> Result<()> {
        self.inner.change(|graph| graph.request_trigger(node))
    }

    /// [`NodeSpace::request_trigger`] of every node of a class. Answers how many there are.
    pub fn trigger_class(&self, class_id: &str) -> usize {
        self.inner.change(|graph| graph.trigger_class(class_id))
    }

    /// Waits until nothing runs or is about to, and everything was told. In a graph with a cycle
    /// that keeps going that is never.
    pub async fn idle(&self) {
        self.inner.until_idle().await;
    }

    /// Waits until a node neither runs nor is about to, and everything was told.
    pub async fn node_idle(&self, node: &str) {
        self.inner.until_node_idle(node).await;
    }

    /// Connects an output to an input, or an input to another input that it forwards its value to.
    /// With `replace` edges that are in the way are removed. Answers the edge, source first.
    ///
    /// # Errors
    /// When one of the two is not there, they do not go together, or are connected already.
    pub fn add_edge(
        &self,
        from_node: &str,
        from_io: &str,
        to_node: &str,
        to_io: &str,
        replace: bool,
    ) -> Result<Edge> {
        let (from, to) = ((from_node, from_io), (to_node, to_io));
        self.inner.change(|graph| graph.connect(from, to, replace))
    }

    /// Removes an edge. Answers whether it was there.
    ///
    /// # Errors
    /// When one of the two ends is not there.
    pub fn remove_edge(
        &self,
        from_node: &str,
        from_io: &str,
        to_node: &str,
        to_io: &str,
    ) -> Result<bool> {
        let (from, to) = ((from_node, from_io), (to_node, to_io));
        self.inner.change(|graph| graph.disconnect_named(from, to))
    }

    /// Every edge.
    pub fn edges(&self) -> Vec<Edge> {
        self.inner.read(|graph| graph.all_edges().collect())
    }

    /// Every group, by its id.
    pub fn groups(&self) -> BTreeMap<String, GroupView> {
        self.inner.read(|graph| graph.groups.view())
    }

    /// Puts nodes and groups into a new group. Answers every group.
    ///
    /// # Errors
    /// When one of them is not there, or it is too much.
    pub fn group_nodes(
        &self,
        nodes: &[String],
        groups: &[String],
    ) -> Result<BTreeMap<String, GroupView>> {
        self.inner.change(|graph| {
            for node in nodes {
                graph.key(node)?;
            }
            graph.groups.group(nodes, groups)?;
            graph.dirty(Dirty::Groups);
            Ok(graph.groups.view())
        })
    }

    /// Dissolves a group: its groups are in its parent then, its nodes in none.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn remove_group(&self, group: &str) -> Result<()> {
        self.inner.change(|graph| {
            let removed = graph.groups.remove(group);
            removed.map_err(|error| graph.no_group(group, error))?;
            graph.gone.note(group);
            graph.dirty(Dirty::Groups);
            Ok(())
        })
    }

    /// Changes `position` and `meta` of a group. Answers what was changed.
    ///
    /// # Errors
    /// When there is no such group, or something does not fit.
    pub fn update_group(&self, group: &str, patch: &Json) -> Result<Json> {
        self.inner.change(|graph| {
            let answer = graph.groups.update(group, patch);
            let answer = answer.map_err(|error| graph.no_group(group, error))?;
            graph.dirty(Dirty::Groups);
            Ok(answer)
        })
    }

    /// Removes all nodes, edges, groups and properties; the library stays.
    pub fn clear(&self) {
        self.inner.change(graph::Graph::clear);
    }

    /// A node as it is saved; `None`: there is no such node.
    pub fn save_node(&self, node: &str) -> Option<Json> {
        let look = |graph: &graph::Graph| graph.node(node).ok().map(save::node);
        self.inner.read(look).map(Json::Object)
    }

    /// The graph as it is saved, FuncNodes' `backend`: `nodes`, `edges`, `prop` and `groups`.
    pub fn save(&self) -> Json {
        self.inner.read(save::backend)
    }

    /// Replaces the graph by a saved one. A node whose class is not in the library is kept as a
    /// placeholder, with all its data; what makes no sense is left out. The report tells.
    ///
    /// # Errors
    /// When it is not an object or too much; nothing is changed then.
    pub fn load(&self, backend: &Json) -> Result<LoadReport> {
        let mut report = self.inner.change(|graph| graph.load_nodes(backend))?;
        self.inner
            .change(|graph| graph.load_edges(backend, &mut report));
        Ok(report)
    }

    /// Nodes whose class is not there: the id of each, and that of its class.
    pub fn placeholders(&self) -> Vec<(Arc<str>, Arc<str>)> {
        self.inner.read(|graph| {
            let nodes = graph.nodes.values().filter(|node| node.class.is_none());
            nodes
                .map(|node| (Arc::clone(&node.id), Arc::clone(&node.class_id)))
                .collect()
        })
    }

    /// The properties of the graph itself.
    pub fn properties(&self) -> Map<String, Json> {
        self.inner.read(|graph| graph.properties.clone())
    }

    /// Where and how large every node is drawn: the `nodes` of `view_state`.
    pub fn positions(&self) -> BTreeMap<Arc<str>, PositionView> {
        self.inner.read(|graph| {
            let nodes = graph.nodes.values();
            nodes
                .map(|node| (Arc::clone(&node.id), PositionView::of(node)))
                .collect()
        })
    }
}
