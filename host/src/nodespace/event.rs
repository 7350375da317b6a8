//! What a graph tells of itself. [`GraphEvent::wire`] in `json.rs` says it as FuncNodes does.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value as Json;

use super::value::SharedValue;
use super::view::NodeView;

/// Where an edge comes from and where it goes: node, port, node, port.
pub type Edge = [Arc<str>; 4];

/// Something that happened in the graph.
///
/// A run tells, in this order: `Progress` and `TriggerStart`, or `TriggerFast` alone when the
/// node's runs take no more than [`FAST_RUN`](crate::limits::FAST_RUN) on average, as FuncNodes
/// does from the second run of a quick node on; a `Value` for every output that was set and every
/// input that it was fed to; `TriggerDone` after `TriggerStart`, or when a fast one was slow after
/// all; `NodeError` when it failed; `Progress` after `TriggerStart`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum GraphEvent {
    /// There is a new node.
    NodeAdded {
        /// All of it.
        node: Box<NodeView>,
    },
    /// A node is gone, and its edges.
    NodeRemoved {
        /// Its id.
        node: Arc<str>,
    },
    /// A node's class came, went or changed so that the node looks different.
    NodeReplaced {
        /// All of it, as it is now.
        node: Box<NodeView>,
        /// Its edges, as they are now.
        edges: Vec<Edge>,
    },
    /// There is a new edge.
    EdgeAdded {
        /// Its ends.
        edge: Edge,
        /// It forwards an input to another.
        forward: bool,
    },
    /// An edge is gone.
    EdgeRemoved {
        /// Its ends.
        edge: Edge,
        /// It forwarded an input to another.
        forward: bool,
    },
    /// A node began or ended to work, or says how far it is.
    Progress {
        /// Its id.
        node: Arc<str>,
        /// What it is doing: "triggering", "idle", or what it says itself.
        what: Cow<'static, str>,
        /// How far its run is, between 0 and 1, where it says so.
        fraction: Option<f64>,
        /// Seconds since the run began.
        elapsed: f64,
    },
    /// A run began.
    TriggerStart {
        /// The node.
        node: Arc<str>,
    },
    /// A run ended, well or not.
    TriggerDone {
        /// The node.
        node: Arc<str>,
    },
    /// A run of a quick node began.
    TriggerFast {
        /// The node.
        node: Arc<str>,
    },
    /// A run failed, or an input was fed what it does not take.
    NodeError {
        /// The node.
        node: Arc<str>,
        /// A sentence for a person.
        message: String,
    },
    /// An input or an output has another value.
    Value {
        /// The node.
        node: Arc<str>,
        /// The input or output.
        io: Arc<str>,
        /// The value; `None`: it has none any more.
        value: Option<SharedValue>,
    },
    /// An input has another default.
    DefaultChanged {
        /// The node.
        node: Arc<str>,
        /// The input.
        io: Arc<str>,
        /// The default; `None`: none.
        default: Option<SharedValue>,
    },
    /// An input or output has other value options.
    ValueOptionsChanged {
        /// The node.
        node: Arc<str>,
        /// The input or output.
        io: Arc<str>,
        /// All of them.
        options: Json,
    },
    /// An input or output has other render options.
    RenderOptionsChanged {
        /// The node.
        node: Arc<str>,
        /// The input or output.
        io: Arc<str>,
        /// All of them.
        options: Json,
    },
}

/// Something that is saved changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Dirty {
    /// A node: save it, or forget it if it is gone.
    Node(Arc<str>),
    /// A node, which its class changed: save it some time, nobody waits for it.
    NodeByClass(Arc<str>),
    /// The edges.
    Edges,
    /// The groups.
    Groups,
    /// The properties of the graph itself.
    Properties,
    /// Everything.
    All,
}

/// Who hears of changes.
pub trait Observer: Send + Sync + 'static {
    /// Something happened. Called outside of the graph's lock, one event after the other, in the
    /// order in which things happened; must not block. It may come from another thread than the
    /// one that made the change, and after that one went on.
    fn event(&self, event: GraphEvent);

    /// Something that is saved changed. Called outside of the graph's lock by the one that made
    /// the change, before the method that made it returns; must not block.
    fn dirty(&self, what: Dirty);
}
