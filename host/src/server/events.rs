//! What happens in the Worker, made into messages once and put into the outbox of every client.

use std::sync::Arc;

use external_worker_control::Role;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Shared;
use super::frames;
use super::messages::Owner;
use super::outbox::{Outbox, ValueKey};
use super::protocol::{self, Frame};
use crate::nodespace::GraphEvent;
use crate::worker::WorkerEvent;

/// Passes events on until the Worker has none any more.
pub async fn pass_on(shared: Arc<Shared>, mut events: Receiver<Arc<WorkerEvent>>) {
    loop {
        match events.recv().await {
            Ok(event) => tell(&shared, &event),
            Err(RecvError::Lagged(lost)) => {
                tracing::warn!("{lost} events came faster than they could be passed on");
                for outbox in shared.clients.all() {
                    outbox.lagged();
                }
            }
            Err(RecvError::Closed) => return,
        }
    }
}

fn tell(shared: &Shared, event: &WorkerEvent) {
    let clients = shared.clients.all();
    if clients.is_empty() {
        return;
    }
    for (frame, key) in messages(event) {
        pass(shared, &clients, frame, key);
    }
}

fn pass(shared: &Shared, clients: &[Arc<Outbox>], frame: Frame, key: Option<ValueKey>) {
    match shared.messages.hint(frame, Owner::All, Role::Viewer) {
        Ok(frame) => {
            for outbox in clients {
                outbox.event(frame.clone(), key.clone());
            }
        }
        // Too large to keep: whoever missed it asks for everything anew.
        Err(_too_large) => {
            for outbox in clients {
                outbox.lagged();
            }
        }
    }
}

fn messages(event: &WorkerEvent) -> Vec<(Frame, Option<ValueKey>)> {
    match event {
        WorkerEvent::Graph(GraphEvent::Value { node, io, value }) => {
            let key = ValueKey::from(format!("{node}\0{io}"));
            vec![(frames::io_value(node, io, value.as_deref()), Some(key))]
        }
        WorkerEvent::Graph(event) => {
            let events = event.wire().into_iter();
            let frame = |(name, data)| (protocol::ns_event(name, &data), None);
            events.map(frame).collect()
        }
        WorkerEvent::Worker { event, data } => vec![(protocol::worker_event(event, data), None)],
        WorkerEvent::Guest { uuid, event, data } => {
            vec![(protocol::guest_event(uuid, event, data), None)]
        }
        WorkerEvent::Progress {
            message,
            status,
            progress,
            blocking,
        } => {
            let line = protocol::progress(message, status.name(), *progress, *blocking);
            vec![(line, None)]
        }
    }
}
