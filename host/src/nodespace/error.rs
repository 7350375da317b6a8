//! What can go wrong when a graph is changed. Every sentence may reach a client.

use crate::limits::MAX_NAME_BYTES;
use crate::text;

/// A change that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// There is no such node.
    #[error("there is no node `{node}`")]
    NoNode {
        /// What was asked for.
        node: String,
    },
    /// It was there, and was removed a moment ago.
    #[error("there is no {what} `{id}` any more")]
    Gone {
        /// "node" or "group".
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// The node has no such input or output.
    #[error("the node `{node}` has no {wanted} `{io}`")]
    NoIo {
        /// The node.
        node: String,
        /// What was asked for.
        io: String,
        /// "input", "output" or "input or output".
        wanted: &'static str,
    },
    /// There is no such class.
    #[error("there is no node class `{class}` in the library")]
    NoClass {
        /// What was asked for.
        class: String,
    },
    /// A value does not fit an input.
    #[error("the input `{io}` of the node `{node}` {problem}")]
    BadValue {
        /// The node.
        node: String,
        /// The input.
        io: String,
        /// What was expected and what came.
        problem: String,
    },
    /// Two ports cannot be connected.
    #[error("cannot connect `{from}` to `{to}`: {problem}")]
    BadEdge {
        /// Where it would come from.
        from: String,
        /// Where it would go.
        to: String,
        /// Why not.
        problem: &'static str,
    },
    /// The class of the node is not there.
    #[error("the node `{node}` cannot run: its class `{class}` is not in the library, or not yet")]
    Placeholder {
        /// The node.
        node: String,
        /// Its class.
        class: String,
    },
    /// A required input has no value.
    #[error("the node `{node}` cannot run: its input `{io}` has no value")]
    NotReady {
        /// The node.
        node: String,
        /// The first such input.
        io: String,
    },
    /// The id is taken.
    #[error("there is a {what} `{id}` already")]
    Taken {
        /// "node", "group" or "shelf".
        what: &'static str,
        /// The id.
        id: String,
    },
    /// There is no such group.
    #[error("there is no group `{group}`")]
    NoGroup {
        /// What was asked for.
        group: String,
    },
    /// There is no such shelf.
    #[error("there is no shelf `{path}`")]
    NoShelf {
        /// What was asked for.
        path: String,
    },
    /// There is no room for more.
    #[error("too much: {what}; at most {limit} are allowed")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// What was sent makes no sense.
    #[error("{what}: {problem}")]
    Invalid {
        /// Which part.
        what: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// The result of changing a graph.
pub type Result<T, E = GraphError> = std::result::Result<T, E>;

/// A name that someone else chose, as it stands in a sentence.
pub(super) fn named(name: &str) -> String {
    text::clean_line(name, MAX_NAME_BYTES)
}

impl GraphError {
    pub(super) fn no_node(node: &str) -> Self {
        let node = named(node);
        Self::NoNode { node }
    }

    pub(super) fn gone(what: &'static str, id: &str) -> Self {
        let id = named(id);
        Self::Gone { what, id }
    }

    pub(super) fn no_io(node: &str, io: &str, wanted: &'static str) -> Self {
        Self::NoIo {
            node: named(node),
            io: named(io),
            wanted,
        }
    }

    pub(super) fn no_class(class: &str) -> Self {
        let class = named(class);
        Self::NoClass { class }
    }

    pub(super) fn bad_value(node: &str, io: &str, problem: String) -> Self {
        Self::BadValue {
            node: named(node),
            io: named(io),
            problem,
        }
    }

    pub(super) fn invalid(what: &'static str, problem: impl Into<String>) -> Self {
        let problem = problem.into();
        Self::Invalid { what, problem }
    }

    pub(super) fn taken(what: &'static str, id: &str) -> Self {
        let id = named(id);
        Self::Taken { what, id }
    }
}
