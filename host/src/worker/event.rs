//! What a Worker tells its clients, and the voice that the graph speaks with.

use std::sync::Arc;

use serde_json::Value as Json;
use tokio::sync::broadcast;

use super::store::{self, Document, Store};
use crate::json::JsonText;
use crate::limits::Paid;
use crate::nodespace::{Dirty, GraphEvent, Observer};

/// Something that happened in a Worker.
#[derive(Debug, Clone)]
pub enum WorkerEvent {
    /// In its graph.
    Graph(GraphEvent),
    /// To its modules and external workers: `lib_update`, `external_worker_update`, `fullsync`,
    /// `update_worker_dependencies`, …
    Worker {
        /// Which event.
        event: String,
        /// What comes with it.
        data: Json,
    },
    /// An event that a guest emitted.
    Guest {
        /// Its external worker.
        uuid: String,
        /// What it calls the event.
        event: String,
        /// What comes with it. The guest pays for it until everybody was told.
        data: Paid<JsonText>,
    },
    /// For the status bar: this is where a person sees that something was denied or failed.
    Progress {
        /// One line.
        message: String,
        /// How it goes.
        status: Status,
        /// From 0 to 1.
        progress: f64,
        /// Whether the client should wait.
        blocking: bool,
    },
}

/// How something goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It goes on.
    Info,
    /// It went well.
    Success,
    /// It did not.
    Error,
}

impl Status {
    /// What it is called on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Success => "success",
            Self::Error => "error",
        }
    }
}

impl WorkerEvent {
    /// A line for the status bar.
    pub fn notice(status: Status, message: impl Into<String>) -> Self {
        Self::Progress {
            message: message.into(),
            status,
            progress: 1.0,
            blocking: false,
        }
    }
}

/// Carries what the graph says to the clients, and what it changes to the store.
pub(super) struct Voice {
    events: broadcast::Sender<Arc<WorkerEvent>>,
    store: Store,
}

impl Voice {
    pub(super) fn new(events: broadcast::Sender<Arc<WorkerEvent>>, store: Store) -> Self {
        Self { events, store }
    }
}

impl Observer for Voice {
    fn event(&self, event: GraphEvent) {
        if self.events.receiver_count() > 0 {
            // The last one may have left meanwhile.
            let _ = self.events.send(Arc::new(WorkerEvent::Graph(event)));
        }
    }

    fn dirty(&self, what: Dirty) {
        let what = match what {
            Dirty::Node(id) => store::Dirty::Node(id.to_string()),
            Dirty::NodeByClass(id) => {
                let node = store::Dirty::Node(id.to_string());
                return self.store.dirty_later(node);
            }
            Dirty::Edges => store::Dirty::Document(Document::Edges),
            Dirty::Groups => store::Dirty::Document(Document::Groups),
            Dirty::Properties => store::Dirty::Document(Document::Properties),
            // Whoever replaces the whole graph knows which nodes there were before.
            Dirty::All => return,
        };
        self.store.dirty([what]);
    }
}
