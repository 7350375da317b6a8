//! The task that owns an instance: makes its stores, watches its deadlines from outside them, kills
//! by dropping, and starts again what trapped.
//!
//! Dropping the store is the only hard cancel that wasmtime has. No store is polled inside a host call
//! of another.
//!
//! A panic while a store is polled, which is a fault of the engine's or ours, is a trap of this guest: nobody waits for
//! an answer that nobody gives any more.
//!
//! A stop has the last word. One that comes during a restart, or before a trap, is not undone by it. A
//! trap during a restart is not counted as one, since the instance starts again anyway.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use wasmtime::Store;
use wasmtime::component::{Accessor, AccessorTask, Instance as WasmInstance};

use super::calls::{Expired, Operation};
use super::drive::{self, InnerSignal};
use super::exports::Exports;
use super::keep::Saved;
use super::meter::{Metered, Spun};
use super::store_data::{AuditToEvents, StoreData};
use super::wakes::Wakes;
use super::{Command, End, Shared, Signal, State};
use crate::bindings::host::Level;
use crate::component::{Linked, PreparedComponent};
use crate::engine::{Broken, Home, contained, trap_text};
use crate::error::{HostError, Result};
use crate::limits;
use crate::text;

/// Who waits for the first start.
type Started = oneshot::Sender<Result<()>>;

/// Why a store was dropped.
enum StoreEnd {
    End(End),
    Trapped(String),
    Restart(Saved),
    NotStarted(HostError),
}

/// What was wished for while a store lived; it may not be through when the store is dropped.
enum Asked {
    GoOn,
    Restart,
    Stop,
}

/// The life of one instance, from its first start to its end.
pub(super) async fn run(
    shared: Arc<Shared>,
    mut commands: mpsc::Receiver<Command>,
    mut signals: mpsc::UnboundedReceiver<Signal>,
    started: Started,
    mut state: Saved,
) {
    let mut started = Some(started);
    let mut failures = 0;
    let end = loop {
        let begin = Instant::now();
        shared.set_state(State::Starting);
        let outcome = live(
            &shared,
            &mut commands,
            &mut signals,
            &mut started,
            &mut state,
        )
        .await;
        if begin.elapsed() > limits::RESTART_HEALTHY_AFTER {
            failures = 0;
        }
        let reason = match outcome {
            StoreEnd::End(end) => break end,
            StoreEnd::NotStarted(error) if started.is_some() => {
                let end = End::Failed(error.to_string());
                if let Some(started) = started.take() {
                    let _ = started.send(Err(error));
                }
                break end;
            }
            StoreEnd::Restart(kept) => {
                state = kept;
                shared
                    .calls
                    .fail_begun(|| HostError::Ended("it is restarted".to_owned()));
                continue;
            }
            StoreEnd::NotStarted(error) => format!("it did not start again: {error}"),
            StoreEnd::Trapped(reason) if started.is_some() => break End::Failed(reason),
            StoreEnd::Trapped(reason) => reason,
        };
        if failures >= shared.lasting.budget.restarts {
            break End::Failed(reason);
        }
        failures += 1;
        shared.restarts.fetch_add(1, Ordering::Relaxed);
        shared
            .lasting
            .events
            .log(Level::Error, &format!("ended: {reason}; it starts again"));
        // First the state, then the callers: who is told of the end must not see it running.
        shared.set_state(State::Restarting {
            reason: reason.clone(),
        });
        shared.calls.fail_all(|| HostError::Ended(reason.clone()));
        let prepared = shared.prepared();
        let threads = prepared.engine().threads();
        threads.estrange(&shared.lasting.standing, limits::BEGUN_WITH);
        if let Some(end) = pause_before_restart(&mut signals, failures).await {
            break end;
        }
    };
    commands.close();
    shared.call_slots.close();
    shared.lasting.surface.end();
    shared.settings().end();
    if let End::Failed(reason) = &end {
        shared
            .lasting
            .events
            .log(Level::Error, &format!("ended: {reason}"));
    }
    shared.set_state(State::Ended(end));
    shared.calls.fail_all(|| shared.ended());
    if let Some(started) = started {
        let _ = started.send(Err(shared.ended()));
    }
}

/// Waits before the next start; a stop or a kill ends the wait and the instance.
async fn pause_before_restart(
    signals: &mut mpsc::UnboundedReceiver<Signal>,
    failures: u32,
) -> Option<End> {
    let doublings = failures.saturating_sub(1).min(10);
    let pause = limits::RESTART_BACKOFF_FIRST.saturating_mul(1 << doublings);
    let ended = async {
        loop {
            match signals.recv().await {
                None | Some(Signal::Stop) => return Some(End::Stopped),
                Some(Signal::Kill(reason)) => return Some(End::Failed(reason)),
                Some(Signal::Restart) => return None,
                Some(Signal::Cancel(_)) => {}
            }
        }
    };
    tokio::time::timeout(pause, ended).await.unwrap_or(None)
}

/// One store from instantiation to its drop.
async fn live(
    shared: &Arc<Shared>,
    commands: &mut mpsc::Receiver<Command>,
    signals: &mut mpsc::UnboundedReceiver<Signal>,
    started: &mut Option<Started>,
    state: &mut Saved,
) -> StoreEnd {
    // Instantiating runs the guest's own initialisation, so it is under the deadline and on the
    // bill like the rest.
    let limit = Duration::from_millis(shared.lasting.budget.start_deadline_ms);
    let opened = shared.calls.open(Operation::Start, limit, None);
    let meter = Arc::clone(&shared.lasting.meter);
    let is_first = started.is_some();
    let make = async {
        if is_first {
            shared.lasting.complete_config()?;
        }
        make(shared).await
    };
    let made = tokio::select! {
        biased;
        outcome = watch(shared, None) => Err(outcome),
        made = Metered::new(contained(make), Arc::clone(&meter)) => made
            .unwrap_or_else(|broken| Err(HostError::Ended(broken.to_string())))
            .map_err(StoreEnd::NotStarted),
    };
    let (mut store, exports) = match made {
        Ok(made) => made,
        Err(outcome) => {
            shared.calls.close(opened);
            return outcome;
        }
    };
    shared.lasting.turns.restarted();
    shared.lasting.endings.begin();
    let (inner_signals, inner) = mpsc::unbounded_channel();
    let mut asked = Asked::GoOn;
    let outcome = {
        let drive = drive::Drive::new(shared, exports, commands, inner, opened, started, state);
        let wakes = Arc::new(Wakes::default());
        let seen = Arc::clone(&wakes);
        // The engine polls this first, then the host's tasks, begins what either has brought about, and does so again
        // until there is nothing; then it waits. Only where there is no task it polls this once more, and waits with
        // what that brought about not begun: so there is one, always.
        let inside = store.run_concurrent(async move |accessor| {
            accessor.spawn(ForEver)?;
            seen.seen(drive.run(accessor)).await
        });
        tokio::select! {
            biased;
            outcome = watch(shared, Some(&inner_signals)) => Ok(outcome),
            outcome = relay(shared, signals, &inner_signals, &mut asked) => Ok(outcome),
            left = Metered::woken_by(wakes, contained(inside), meter) => left
                .unwrap_or_else(|broken| Err(broken.into()))
                .and_then(|left| left),
        }
    };
    // All of them are in the log.
    let words = store.data_mut().last_words.take();
    let words =
        words.map(|words| text::clean_line(text::first_line(&words), limits::MAX_TEXT_BYTES));
    // What a panic left of it may panic again.
    let _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(store)));
    let outcome = outcome.unwrap_or_else(|trap| trapped(shared, &trap, words));
    // Who waits for the first start hears of its error.
    if started.is_some() {
        outcome
    } else {
        wished(shared, outcome, &asked)
    }
}

/// A task of the host that has nothing to do.
struct ForEver;

impl AccessorTask<StoreData> for ForEver {
    async fn run(self, _accessor: &Accessor<StoreData>) -> wasmtime::Result<()> {
        std::future::pending().await
    }
}

/// What comes of `outcome` where somebody wished for an end or a restart: after a stop nothing
/// starts again, and a trap during a restart is not counted.
fn wished(shared: &Shared, outcome: StoreEnd, asked: &Asked) -> StoreEnd {
    match (outcome, asked) {
        (StoreEnd::Restart(_), Asked::Stop) => StoreEnd::End(End::Stopped),
        (StoreEnd::Trapped(reason), Asked::Stop) => StoreEnd::End(End::Failed(reason)),
        (StoreEnd::NotStarted(error), Asked::Stop) => StoreEnd::End(End::Failed(error.to_string())),
        (StoreEnd::Trapped(reason), Asked::Restart) => {
            let message = format!("it starts again without its state: {reason}");
            shared.lasting.events.log(Level::Error, &message);
            StoreEnd::Restart(None)
        }
        (StoreEnd::End(End::Dropped), Asked::Restart) => {
            let message = "it starts again without its state: its end took too long";
            shared.lasting.events.log(Level::Error, message);
            StoreEnd::Restart(None)
        }
        (outcome, _) => outcome,
    }
}

/// Instantiates in the pool, or on demand when it is full.
async fn make(shared: &Shared) -> Result<(Store<StoreData>, Exports)> {
    let failed = |error: wasmtime::Error| HostError::Ended(start_failure(shared, &error));
    let prepared = shared.prepared();
    let mut linked = prepared.linked().clone();
    let (mut store, instance) = match instantiate(shared, &prepared, &linked).await? {
        Ok(made) => made,
        Err(error) => {
            let Some(instead) = prepared.linked_instead(&error) else {
                return Err(failed(error));
            };
            linked = instead;
            let made = instantiate(shared, &prepared, &linked).await?;
            made.map_err(failed)?
        }
    };
    let exports = linked
        .indices
        .bind(&mut store, &instance)
        .map_err(|error| HostError::Component {
            name: prepared.component().name().to_owned(),
            problem: format!("{error:#}"),
            fix: "Build it against the world of this host".to_owned(),
        })?;
    Ok((store, exports))
}

async fn instantiate(
    shared: &Shared,
    prepared: &PreparedComponent,
    linked: &Linked,
) -> Result<wasmtime::Result<(Store<StoreData>, WasmInstance)>> {
    let lasting = &shared.lasting;
    let audit = Arc::new(AuditToEvents::new(lasting));
    let room = match prepared.component().room(linked.home) {
        // Elsewhere there may be some.
        Err(full) if linked.home == Home::Pooled => return Ok(Err(full.into())),
        room => room?,
    };
    let engine = prepared.engine().wasmtime(linked.home);
    let mut store = StoreData::store(engine, lasting, audit).await?;
    store.data_mut().keep_room(room);
    let made = linked.pre.instantiate_async(&mut store).await;
    Ok(made.map(|instance| (store, instance)))
}

fn start_failure(shared: &Shared, error: &wasmtime::Error) -> String {
    match shared.lasting.ledger.last_refusal() {
        Some(refusal) => format!("it cannot be instantiated: {refusal}"),
        None => format!("it cannot be instantiated: {}", trap_text(error)),
    }
}

/// Watches deadlines. Returns when one costs the instance its life.
async fn watch(shared: &Shared, inner: Option<&mpsc::UnboundedSender<InnerSignal>>) -> StoreEnd {
    let ended = |closed: Vec<String>| {
        let events = &shared.lasting.events;
        events.log(Level::Warn, "a grant has ended");
        for closed in closed {
            events.log(
                Level::Warn,
                &format!("not granted any more, and closed: {closed}"),
            );
        }
    };
    let mut running_out = std::pin::pin!(shared.lasting.grants.run_out(ended));
    loop {
        let expired = tokio::select! {
            expired = shared.calls.expired() => expired,
            never = &mut running_out => match never {},
        };
        for expired in expired {
            match expired {
                Expired::Ask(id) => {
                    shared.lasting.endings.cancel(id);
                    if let Some(inner) = inner {
                        let _ = inner.send(InnerSignal::Cancel(id));
                    }
                }
                Expired::Kill(Operation::Stop, _) => return StoreEnd::End(End::Dropped),
                Expired::Kill(Operation::Start, _) => {
                    return StoreEnd::NotStarted(HostError::Deadline {
                        what: "`start`".to_owned(),
                        limit_ms: shared.lasting.budget.start_deadline_ms,
                    });
                }
                Expired::Kill(_, reason) => return StoreEnd::Trapped(reason),
            }
        }
    }
}

/// Passes signals on into the store; a kill does not wait for what is inside. `asked` is the last word
/// of them.
async fn relay(
    shared: &Shared,
    signals: &mut mpsc::UnboundedReceiver<Signal>,
    inner: &mpsc::UnboundedSender<InnerSignal>,
    asked: &mut Asked,
) -> StoreEnd {
    loop {
        let left = match signals.recv().await {
            Some(Signal::Kill(reason)) => return StoreEnd::End(End::Failed(reason)),
            Some(Signal::Cancel(id)) => {
                // It may be over by now.
                if shared.calls.is_open(id) {
                    shared.lasting.endings.cancel(id);
                }
                InnerSignal::Cancel(id)
            }
            Some(Signal::Restart) => {
                if !matches!(asked, Asked::Stop) {
                    *asked = Asked::Restart;
                }
                shared.lasting.endings.stop();
                InnerSignal::Restart
            }
            Some(Signal::Stop) => {
                *asked = Asked::Stop;
                shared.lasting.endings.stop();
                InnerSignal::Stop
            }
            None => {
                // Every handle is gone: nobody can want anything of it any more.
                *asked = Asked::Stop;
                shared.lasting.endings.stop();
                let _ = inner.send(InnerSignal::Stop);
                return std::future::pending().await;
            }
        };
        let _ = inner.send(left);
    }
}

/// Why it trapped, for a person: its own last words, the budget that it ran into, or the trap.
fn trapped(shared: &Shared, error: &wasmtime::Error, words: Option<String>) -> StoreEnd {
    let place = shared.prepared().engine().place_of(error);
    let at = place
        .as_ref()
        .map_or_else(String::new, |at| format!(" {at}"));
    let lasting = &shared.lasting;
    *lasting
        .trapped_at
        .lock()
        .unwrap_or_else(PoisonError::into_inner) = place;
    if let Some(spun) = error.downcast_ref::<Spun>() {
        return StoreEnd::Trapped(format!("{spun}{at}"));
    }
    if let Some(broken) = error.downcast_ref::<Broken>() {
        tracing::error!(instance = %lasting.uuid, "it panicked inside of the host");
        return StoreEnd::Trapped(broken.to_string());
    }
    tracing::debug!(instance = %lasting.uuid, "it trapped: {error:?}");
    let trap = trap_text(error);
    StoreEnd::Trapped(match (words, lasting.ledger.last_refusal()) {
        (Some(words), Some(refusal)) => format!("it panicked: {words} (and before, {refusal})"),
        (Some(words), None) => format!("it panicked: {words}"),
        (None, Some(refusal)) => format!("it trapped ({trap}{at}) after {refusal}"),
        (None, None) => format!("it trapped: {trap}{at}"),
    })
}

impl From<drive::DriveEnd> for StoreEnd {
    fn from(exit: drive::DriveEnd) -> Self {
        match exit {
            drive::DriveEnd::Stopped => Self::End(End::Stopped),
            drive::DriveEnd::Restart(kept) => Self::Restart(kept),
            drive::DriveEnd::NotStarted(error) => Self::NotStarted(error),
        }
    }
}
