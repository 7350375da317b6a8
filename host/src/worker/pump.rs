//! What an instance says, heard for as long as it lives: its log, changes of its nodes, events,
//! denials, and its end.
//!
//! What an instance says is paid for while anybody has it: events, what is set at nodes, and outputs
//! carry their charge into the graph and along its edges. What they bring about is done on the guests'
//! threads and billed.
//!
//! A guest says whether a value that it sets triggers the node: a driver shows what its device took at the
//! input that commands it, and must not command it again by that. A value that is there already is passed on
//! and does not trigger. A client triggers always.

use std::num::NonZeroU32;
use std::sync::{Arc, Weak};
use std::time::Instant;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::broadcast::error::RecvError;

use super::event::{Status, WorkerEvent};
use super::external_worker::ExternalWorker;
use super::{Inner, Worker, bridge};
use crate::bindings::host::Level;
use crate::executor::someone_waits;
use crate::instance::events::{Event, InputChange, Listener, level_name};
use crate::instance::{End, Instance, State};
use crate::limits;
use crate::nodespace::IoChange;
use crate::values;

/// The event that makes the Worker read shelf and options again.
const NODES_UPDATE: &str = "nodes_update";

/// Listens to the instance whose events these are until it ends. Keeps neither it nor the Worker
/// alive.
pub(super) fn start(
    worker: &Worker,
    external: &Arc<ExternalWorker>,
    instance: &Instance,
    events: Listener,
) {
    let pump = Pump {
        worker: worker.downgrade(),
        external: Arc::downgrade(external),
        notices: notices(),
        starts: 0,
        refreshed: None,
        is_stale: false,
        said_config: false,
    };
    // What grows with what a guest says is done on the guests' threads, and billed to it.
    let threads = worker.inner.engine.threads();
    let run = instance.billed(pump.run(events));
    drop(threads.spawn_as(instance.standing(), run));
}

fn notices() -> Option<DefaultDirectRateLimiter> {
    NonZeroU32::new(limits::MAX_NOTICES_PER_MINUTE)
        .map(|rate| RateLimiter::direct(Quota::per_minute(rate)))
}

struct Pump {
    worker: Weak<Inner>,
    external: Weak<ExternalWorker>,
    /// What a person is told of one instance must not drown what is told of the others.
    notices: Option<DefaultDirectRateLimiter>,
    /// Times that the guest was started.
    starts: u32,
    /// When shelf and options were read last.
    refreshed: Option<Instant>,
    /// Whether they have to be read again.
    is_stale: bool,
    /// Whether the guest said what its configuration is, which nobody was told of yet.
    said_config: bool,
}

impl Pump {
    async fn run(mut self, mut events: Listener) {
        loop {
            let event = tokio::select! {
                biased;
                () = self.refresh_due() => {
                    self.refresh().await;
                    continue;
                }
                event = events.recv() => event,
            };
            let event = match event {
                Ok(event) => event,
                // Events were missed: everything that they can have changed is read again.
                Err(RecvError::Lagged(_)) => {
                    (self.is_stale, self.said_config) = (true, true);
                    if let Some(instance) = self.external.upgrade().and_then(|it| it.instance()) {
                        instance.surface().lost();
                    }
                    continue;
                }
                Err(RecvError::Closed) => return,
            };
            if let Event::State(State::Ended(end)) = &*event {
                self.ended(end);
                return;
            }
            self.heard(Arc::unwrap_or_clone(event)).await;
            if someone_waits() {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Waits until shelf and options have to be read again, which is no more often than every
    /// [`limits::REFRESH_PAUSE`], however often the guest asks for it.
    async fn refresh_due(&self) {
        if !self.is_stale {
            return std::future::pending().await;
        }
        if let Some(refreshed) = self.refreshed {
            tokio::time::sleep_until((refreshed + limits::REFRESH_PAUSE).into()).await;
        }
    }

    fn who(&self) -> Option<(Worker, Arc<ExternalWorker>)> {
        Some((Worker::upgrade(&self.worker)?, self.external.upgrade()?))
    }

    async fn heard(&mut self, event: Event) {
        let Some((worker, external)) = self.who() else {
            return;
        };
        match event {
            Event::Log { level, message } => {
                let logs = &worker.inner.logs;
                logs.write(external.uuid(), level_name(level), &message);
                log(&external, level, &message);
            }
            Event::Emitted { event, .. } if event == NODES_UPDATE => self.is_stale = true,
            Event::Emitted { event, data } => worker.inner.send(WorkerEvent::Guest {
                uuid: external.uuid().to_owned(),
                event,
                data,
            }),
            Event::TriggerRequested { method } => {
                let class = bridge::node_class_id(&external, &method);
                worker.nodespace().trigger_class(&class);
            }
            Event::InputChanged {
                node: Some(node),
                method,
                input,
                change,
            } => {
                let is_value = matches!(change, InputChange::Value(_) | InputChange::Shown(_));
                // The node may be gone by now.
                let _ = worker
                    .nodespace()
                    .change_io(&node, &input, io_change(change));
                if is_value && let Some(instance) = external.instance() {
                    instance.surface().arrived(&method, &node, &input);
                }
            }
            Event::Progress {
                node: Some(node),
                fraction,
                message,
                elapsed,
            } => worker
                .nodespace()
                .tell_progress(&node, fraction, message, elapsed),
            Event::ConfigSaid => {
                (self.is_stale, self.said_config) = (true, true);
            }
            // Nobody in the graph waits for it.
            Event::Progress { node: None, .. } => {}
            // The surface gives it to new nodes.
            Event::InputChanged { node: None, .. } => {}
            Event::Denied { message } => self.notice(&worker, &external, &message),
            Event::LoopFailed { message } => {
                self.notice(&worker, &external, &format!("its loop failed: {message}"));
            }
            Event::State(State::Restarting { reason }) => {
                let line = format!("it starts again: {reason}");
                self.notice(&worker, &external, &line);
                worker.external_changed(&external);
            }
            Event::State(State::Starting) => self.starts = self.starts.saturating_add(1),
            // The first start is shown by whoever asked for it.
            Event::State(State::Running) if self.starts > 1 => {
                self.refresh().await;
                worker.external_changed(&external);
            }
            Event::State(_) => {}
        }
    }

    fn notice(&self, worker: &Worker, external: &ExternalWorker, message: &str) {
        tracing::warn!(uuid = external.uuid(), name = external.name(), "{message}");
        let fits = self
            .notices
            .as_ref()
            .is_some_and(|rate| rate.check().is_ok());
        if fits {
            let line = format!("{}: {message}", external.name());
            worker.tell(Status::Error, line);
        }
    }

    async fn refresh(&mut self) {
        self.is_stale = false;
        self.refreshed = Some(Instant::now());
        if let Some((worker, external)) = self.who() {
            if std::mem::take(&mut self.said_config) {
                worker.config_said(&external);
            }
            worker.refresh(&external).await;
        }
    }

    /// One that stopped itself goes for good; one that failed stays, and says why. So does a library, for which
    /// its nodes ask.
    fn ended(&self, end: &End) {
        let Some((worker, external)) = self.who() else {
            return;
        };
        if worker.is_closing() {
            return;
        }
        if !external.take_down_ended(&end.to_string()) {
            return;
        }
        match end {
            End::Stopped | End::Dropped if !external.is_library() => {
                if worker.forget(&external) {
                    external.remove();
                }
            }
            end => {
                self.notice(&worker, &external, &format!("it is down: {end}"));
                worker.external_changed(&external);
            }
        }
    }
}

fn io_change(change: InputChange) -> IoChange {
    match change {
        InputChange::Value(value) => IoChange::Value(values::paid(&value)),
        InputChange::Shown(value) => IoChange::Shown(values::paid(&value)),
        InputChange::Default(default) => IoChange::Default(default.as_ref().map(values::paid)),
        InputChange::ValueOptions(options) => IoChange::ValueOptions(options),
        InputChange::RenderOptions(options) => IoChange::RenderOptions(options),
    }
}

fn log(external: &ExternalWorker, level: Level, message: &str) {
    let (uuid, name) = (external.uuid(), external.name());
    match level {
        Level::Trace => tracing::trace!(target: "guest", uuid, name, "{message}"),
        Level::Debug => tracing::debug!(target: "guest", uuid, name, "{message}"),
        Level::Info => tracing::info!(target: "guest", uuid, name, "{message}"),
        Level::Warn => tracing::warn!(target: "guest", uuid, name, "{message}"),
        Level::Error => tracing::error!(target: "guest", uuid, name, "{message}"),
    }
}
