//! Inside the store: everything that a guest does at once. `start` comes first; then the loop turns
//! while calls, configuration changes, saves and shelves are served; `stop` comes last.
//!
//! The loop, calls and changes of the configuration are async exports of one instance, under one
//! `run_concurrent`: that is the concurrency of the component model itself, and while one of them waits
//! in an import, the others go on.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Fuse, FusedFuture};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::Value as Json;
use tokio::sync::{mpsc, oneshot};
use wasmtime::component::Accessor;

use super::calls::Operation;
use super::events::Event;
use super::exports::{Exports, GuestResult, Output, Outputs, Ports};
use super::keep::Saved;
use super::store_data::StoreData;
use super::value::Checked;
use super::{Call, Command, ConfigUpdate, InTurn, Shared, State, description, value};
use crate::bindings::types::{self, CallInfo, Error, InstanceInfo, Shelf, Value};
use crate::error::{ErrorCode, HostError, Result};
use crate::limits::{self, Resource};
use crate::text;

/// What reaches the inside from the supervisor.
pub(super) enum InnerSignal {
    /// Ask this call to end.
    Cancel(u64),
    /// Stop for good.
    Stop,
    /// Stop, to be started again.
    Restart,
}

/// How the inside came to its end without a trap.
pub(super) enum DriveEnd {
    Stopped,
    Restart(Saved),
    NotStarted(HostError),
}

/// A trap: the store is lost.
pub(super) type Trap = wasmtime::Error;
/// One thing that the guest does.
type Task<'a> = BoxFuture<'a, Result<(), Trap>>;
/// The store's accessor.
type Inside = Accessor<StoreData>;

/// The inside of one store.
pub(super) struct Drive<'a> {
    guest: Guest<'a>,
    commands: &'a mut mpsc::Receiver<Command>,
    signals: mpsc::UnboundedReceiver<InnerSignal>,
    start_id: u64,
    started: &'a mut Option<oneshot::Sender<Result<()>>>,
    /// What it begins with, once.
    state: &'a mut Saved,
}

/// The guest's functions, with what the host does around each.
#[derive(Clone, Copy)]
pub(super) struct Guest<'a> {
    pub(super) shared: &'a Shared,
    pub(super) exports: Exports,
}

impl<'a> Drive<'a> {
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        exports: Exports,
        commands: &'a mut mpsc::Receiver<Command>,
        signals: mpsc::UnboundedReceiver<InnerSignal>,
        start_id: u64,
        started: &'a mut Option<oneshot::Sender<Result<()>>>,
        state: &'a mut Saved,
    ) -> Self {
        Self {
            guest: Guest { shared, exports },
            commands,
            signals,
            start_id,
            started,
            state,
        }
    }

    /// Runs until the instance stops.
    pub(super) async fn run<O: From<DriveEnd>>(mut self, accessor: &Inside) -> Result<O, Trap> {
        // In boxes, which are gone again: what is done once must not take room for as long as it runs.
        if let Err(error) = self.start(accessor).boxed().await? {
            return Ok(DriveEnd::NotStarted(error).into());
        }
        self.guest.shared.set_state(State::Running);
        if let Some(started) = self.started.take() {
            let _ = started.send(Ok(()));
        }
        let guest = self.guest;
        let mut turning = std::pin::pin!(guest.turn_for_ever(accessor).fuse());
        let (queue, in_turn) = mpsc::channel(guest.shared.mailbox_size());
        let mut in_turn = std::pin::pin!(guest.do_in_turn(accessor, in_turn).fuse());
        let mut keeping = Fuse::terminated();
        let mut calls: FuturesUnordered<Task<'_>> = FuturesUnordered::new();
        let mut chores: FuturesUnordered<Task<'_>> = FuturesUnordered::new();
        let stop = Arc::clone(&guest.shared.lasting.stop);
        let mut stop = std::pin::pin!(stop.notified());
        let exit = loop {
            tokio::select! {
                biased;
                Some(done) = calls.next() => done?,
                Some(done) = chores.next() => done?,
                Some(left) = self.signals.recv() => match left {
                    InnerSignal::Cancel(id) => chores.push(guest.cancel(accessor, id).boxed()),
                    InnerSignal::Stop => break DriveEnd::Stopped,
                    InnerSignal::Restart if keeping.is_terminated() => {
                        keeping = guest.keep(&queue).fuse();
                    }
                    InnerSignal::Restart => {}
                },
                () = &mut stop => break DriveEnd::Stopped,
                saved = &mut keeping => break DriveEnd::Restart(guest.kept(saved)),
                // What a new call does would not be in the state that is being saved.
                Some(command) = self.commands.recv(), if keeping.is_terminated() => match command {
                    Command::Call(call) => {
                        calls.extend(guest.begin_call(accessor, call, calls.len()));
                    }
                    Command::InTurn(job) => queue_in_turn(&queue, job),
                    Command::Shelves { reply } => {
                        chores.push(guest.shelves(accessor, reply).boxed());
                    }
                },
                trap = &mut turning => return Err(trap),
                trap = &mut in_turn => return Err(trap),
            }
        };
        // The loop and the open calls go on being driven, so that they can end themselves.
        calls.extend(chores);
        let stopping = guest.stop(accessor, calls).boxed();
        tokio::select! {
            biased;
            stopped = stopping => stopped?,
            trap = &mut turning => return Err(trap),
            trap = &mut in_turn => return Err(trap),
        }
        Ok(exit.into())
    }

    /// `start`, then `restore` if there is a state. It is tried once: should it end the guest, the
    /// next start is without.
    async fn start(&mut self, accessor: &Inside) -> Result<Result<()>, Trap> {
        let guest = self.guest;
        let started = guest.start(accessor).await;
        guest.shared.calls.close(self.start_id);
        if let Err(error) = started? {
            return Ok(Err(error));
        }
        let Some(state) = self.state.take() else {
            return Ok(Ok(()));
        };
        let restored = guest.restore(accessor, state).await?;
        if restored.is_err() {
            // It holds what `start` acquired. A trap now is no news: it has not started anyway.
            let _ = guest.stop(accessor, FuturesUnordered::new()).await;
        }
        Ok(restored)
    }
}

impl<'a> Guest<'a> {
    async fn start(self, accessor: &Inside) -> Result<Result<()>, Trap> {
        let info = InstanceInfo {
            uuid: self.shared.lasting.uuid.simple().to_string(),
            name: self.shared.settings().name().to_string(),
        };
        let config = match self.shared.lasting.given_config() {
            Ok(given) => given,
            Err(error) => return Ok(Err(error)),
        };
        let outcome = self
            .exports
            .start(accessor, self.shared.class.id().to_owned(), info, config)
            .await?;
        self.shared.lasting.meter.progressed();
        Ok(outcome.map_err(|error| guest_error(error, "`start` failed: ")))
    }

    /// The loop. It only ends with a trap.
    async fn turn_for_ever(self, accessor: &Inside) -> Trap {
        let lasting = &self.shared.lasting;
        loop {
            lasting.turns.due().await;
            let outcome = match self.exports.turn(accessor).await {
                Ok(outcome) => outcome,
                Err(trap) => return trap,
            };
            lasting.meter.progressed();
            let error = outcome
                .err()
                .map(|error| guest_error(error, "").to_string());
            if lasting.turns.ended(error.clone()) {
                let message = error.unwrap_or_default();
                lasting.events.send(Event::LoopFailed { message });
            }
        }
    }

    /// Begins a call; `None`: it is answered already.
    fn begin_call(self, accessor: &'a Inside, call: Call, running: usize) -> Option<Task<'a>> {
        let calls = &self.shared.calls;
        if !calls.begin(call.id) {
            calls.close(call.id);
            return None;
        }
        let most = self.shared.lasting.budget.calls;
        if running >= most as usize {
            let busy = HostError::Busy(format!("{most} calls are running already"));
            answer(calls.close(call.id), Err(busy));
            return None;
        }
        Some(self.call(accessor, call).boxed())
    }

    async fn call(self, accessor: &Inside, call: Call) -> Result<(), Trap> {
        let Call {
            id,
            node,
            caller,
            inputs,
            place,
        } = call;
        let open = self.shared.lasting.progress.begin(id, caller.clone());
        let caller = caller.map(|caller| caller.to_string());
        let info = CallInfo { id, node, caller };
        let outcome = self.exports.call(accessor, info, inputs).await?;
        drop(open);
        // Before its caller hears of it, who may come again at once.
        drop(place);
        self.shared.lasting.meter.progressed();
        let reply = self.shared.calls.close(id);
        self.shared.lasting.endings.closed(id);
        answer(reply, self.outputs(outcome));
        Ok(())
    }

    /// The outputs of a call, each charged to the guest: they may stay with a node for as long as it is there.
    fn outputs(self, outcome: GuestResult<Ports>) -> Result<Outputs> {
        let outputs = outcome.map_err(|error| guest_error(error, ""))?;
        let limit = self.shared.lasting.budget.value_size.as_u64();
        let wrong = |name: &str, problem: value::Problem| {
            let name = text::clean_line(name, limits::MAX_NAME_BYTES);
            HostError::Value(format!("the output `{name}`: {problem}"))
        };
        value::check_outputs(&outputs, limit)
            .map_err(|problem| HostError::Value(format!("the outputs: {problem}")))?;
        let ledger = &self.shared.lasting.ledger;
        let paid = |(name, value): (String, Value)| {
            let size = value::size(&value).saturating_add(name.len() as u64);
            let held = ledger.hold(Resource::Memory, size).map_err(|exhausted| {
                let name = text::clean_line(&name, limits::MAX_NAME_BYTES);
                HostError::Value(format!("the output `{name}` cannot be kept: {exhausted}"))
            })?;
            let value = Checked::of(value, limit).map_err(|problem| wrong(&name, problem))?;
            Ok(Output { name, value, held })
        };
        outputs.into_iter().map(paid).collect()
    }

    /// One job after another; calls go on meanwhile. It only ends with a trap.
    async fn do_in_turn(self, accessor: &Inside, mut queue: mpsc::Receiver<Box<InTurn>>) -> Trap {
        while let Some(job) = queue.recv().await {
            // In a box for as long as it takes: mostly there is none.
            if let Err(trap) = self.do_job(accessor, *job).boxed().await {
                return trap;
            }
        }
        std::future::pending().await
    }

    async fn do_job(self, accessor: &Inside, job: InTurn) -> Result<(), Trap> {
        // Nobody waiting is fine.
        match job {
            InTurn::UpdateConfig(ConfigUpdate { patch, reply }) => {
                let _ = reply.send(self.update_config(accessor, &patch).await?);
            }
            InTurn::Save(reply) => {
                let _ = reply.send(self.save(accessor).await?);
            }
        }
        Ok(())
    }

    async fn update_config(self, accessor: &Inside, patch: &Json) -> Result<Result<()>, Trap> {
        let shared = self.shared;
        let settings = shared.settings();
        let said = settings.said();
        let limit = Duration::from_millis(shared.lasting.budget.config_deadline_ms);
        let id = shared.calls.open(Operation::UpdateConfig, limit, None);
        let (checked, given) = match shared.lasting.changed_config(patch) {
            Ok(changed) => changed,
            Err(error) => {
                shared.calls.close(id);
                return Ok(Err(error));
            }
        };
        let outcome = self.exports.update_config(accessor, given).await;
        shared.calls.close(id);
        shared.lasting.meter.progressed();
        let outcome = outcome?.map_err(|error| guest_error(error, "the worker refused it: "));
        if outcome.is_ok() {
            settings.taken(checked.into_kept(), said);
        }
        Ok(outcome)
    }

    async fn shelves(
        self,
        accessor: &Inside,
        reply: oneshot::Sender<Result<Option<Vec<Shelf>>>>,
    ) -> Result<(), Trap> {
        let limit = Duration::from_millis(self.shared.lasting.budget.call_deadline_ms);
        let id = self.shared.calls.open(Operation::GetNodeshelf, limit, None);
        let shelves = self.exports.get_nodeshelf(accessor).await;
        self.shared.calls.close(id);
        self.shared.lasting.meter.progressed();
        let budget = &self.shared.lasting.budget;
        let check = |shelves| description::check_shelves_within(shelves, budget);
        let shelves = shelves?.map(check).transpose();
        if let Ok(shelves) = &shelves {
            let nodes = description::shelf_nodes(shelves.as_deref().unwrap_or_default());
            let declared = nodes.into_iter();
            let declared = declared.filter_map(|(path, node)| Some((path, node.timeout_ms?)));
            *self.shared.shelf_timeouts() = declared.collect();
        }
        let _ = reply.send(shelves);
        Ok(())
    }

    async fn cancel(self, accessor: &Inside, id: u64) -> Result<(), Trap> {
        self.exports.cancel(accessor, id).await
    }

    /// `stop`, then a grace for the calls that end themselves.
    async fn stop(
        self,
        accessor: &Inside,
        mut tasks: FuturesUnordered<Task<'_>>,
    ) -> Result<(), Trap> {
        let shared = self.shared;
        shared.set_state(State::Stopping);
        let limit = Duration::from_millis(shared.lasting.budget.stop_deadline_ms);
        let id = shared.calls.open(Operation::Stop, limit, None);
        let mut stop = std::pin::pin!(self.exports.stop(accessor));
        loop {
            tokio::select! {
                biased;
                stopped = &mut stop => break stopped?,
                Some(done) = tasks.next() => done?,
            }
        }
        let finish = async {
            while let Some(done) = tasks.next().await {
                done?;
            }
            Ok(())
        };
        let prepared = shared.prepared();
        let clock = prepared.engine().clock();
        let finished = clock.timeout(shared.calls.grace(), finish).await;
        shared.calls.close(id);
        finished.unwrap_or(Ok(()))
    }
}

pub(super) fn queue_in_turn(queue: &mpsc::Sender<Box<InTurn>>, job: Box<InTurn>) {
    let Err(refused) = queue.try_send(job) else {
        return;
    };
    let busy = HostError::Busy("too many changes of the configuration are waiting".to_owned());
    match *refused.into_inner() {
        InTurn::UpdateConfig(update) => drop(update.reply.send(Err(busy))),
        InTurn::Save(reply) => drop(reply.send(Err(busy))),
    }
}

fn answer(reply: Option<super::calls::Reply>, result: Result<Outputs>) {
    if let Some(reply) = reply {
        let _ = reply.send(result);
    }
}

const fn code(code: types::ErrorCode) -> ErrorCode {
    match code {
        types::ErrorCode::InvalidInput => ErrorCode::InvalidInput,
        types::ErrorCode::InvalidConfig => ErrorCode::InvalidConfig,
        types::ErrorCode::Unavailable => ErrorCode::Unavailable,
        types::ErrorCode::Denied => ErrorCode::Denied,
        types::ErrorCode::Busy => ErrorCode::Busy,
        types::ErrorCode::Internal => ErrorCode::Internal,
    }
}

pub(super) fn guest_error(error: Error, prefix: &str) -> HostError {
    let message = text::clean(&error.message, limits::MAX_TEXT_BYTES);
    HostError::Guest {
        code: code(error.code),
        message: format!("{prefix}{message}"),
    }
}
