//! One running external worker: an actor that owns a store, and the handle that everybody else has.
//!
//! The handle's side of things is here, in [`caller`] and in [`calls`]; [`actor`] supervises from outside the
//! store (deadlines, kill, restart), [`drive`] works inside it (start, loop, calls, stop).

mod actor;
mod caller;
pub mod calls;
pub mod config;
mod configured;
pub mod description;
mod drive;
mod endings;
pub mod events;
pub mod exports;
pub mod host;
mod keep;
mod limiter;
mod listener;
pub mod meter;
mod progress;
mod rate;
mod settings;
mod status;
pub mod store_data;
pub mod surface;
pub mod tally;
pub mod turns;
pub mod value;
mod wakes;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use uuid::Uuid;

use crate::audit::{Auditor, Kind, Record};
use crate::bindings::types::Shelf;
pub use crate::capability::Secrets;
pub use crate::capability::data::Folder;
use crate::capability::grants::Grants;
use crate::component::PreparedComponent;
use crate::error::{HostError, Result};
use crate::executor::Standing;
use crate::limits::{self, Ledger, Resource};
use crate::policy::Granted;
pub use caller::{CallSlot, Caller};
use calls::Calls;
use description::Class;
use endings::Endings;
use events::{Event, Events, Listener};
use exports::Ports;
use keep::Saved;
use meter::{Meter, Metered};
use progress::Progress;
use settings::Settings;
pub use status::{End, State, Status};
use store_data::Lasting;
use surface::Surface;
use tally::Tally;
use turns::Turns;

/// Who an instance is to be.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Which class of the component.
    pub class_id: String,
    /// Its uuid, kept over restarts.
    pub uuid: Uuid,
    /// Its name.
    pub name: String,
    /// Its configuration; what is missing is filled with the schema's defaults.
    pub config: Json,
    /// What another instance saved, to go on from there; `None`: it begins anew.
    pub state: Option<Vec<u8>>,
    /// Where its own folder is, if it may have one; kept over restarts.
    pub folder: Arc<Folder>,
    /// Who writes down what happens to it.
    pub auditor: Auditor,
    /// What is filled into its requests and its configuration, where its grants say so.
    pub secrets: Secrets,
}

/// A command to the actor.
enum Command {
    Call(Call),
    /// In a box: the mailbox has room for many commands, and most are calls.
    InTurn(Box<InTurn>),
    Shelves {
        reply: oneshot::Sender<Result<Option<Vec<Shelf>>>>,
    },
}

/// A call; who waits for it is in [`Calls`].
struct Call {
    id: u64,
    node: String,
    /// The node in the graph that calls.
    caller: Option<Arc<str>>,
    inputs: Ports,
    /// Given back when the guest is through with the call, not when its caller is.
    place: CallSlot,
}

/// A change of the configuration, and who waits for it.
struct ConfigUpdate {
    patch: Json,
    reply: oneshot::Sender<Result<()>>,
}

/// What is done one after another, so that no state is saved halfway through a change.
enum InTurn {
    UpdateConfig(ConfigUpdate),
    Save(oneshot::Sender<Result<Saved>>),
}

/// What cannot wait in the mailbox.
enum Signal {
    /// Ask this call to end.
    Cancel(u64),
    Stop,
    Kill(String),
    Restart,
}

/// What the handle and the actor share.
struct Shared {
    class: Arc<Class>,
    /// What its next store is made of.
    prepared: RwLock<Arc<PreparedComponent>>,
    lasting: Arc<Lasting>,
    calls: Calls,
    /// One permit for each call that may run at once.
    call_slots: Arc<Semaphore>,
    tally: Tally,
    state: watch::Sender<State>,
    restarts: std::sync::atomic::AtomicU32,
    /// Of the nodes of its shelves, by path, that declare how long a call may take, in milliseconds.
    shelf_timeouts: Mutex<HashMap<String, u32>>,
}

impl Shared {
    fn shelf_timeouts(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        let timeouts = self.shelf_timeouts.lock();
        timeouts.unwrap_or_else(PoisonError::into_inner)
    }

    fn prepared(&self) -> Arc<PreparedComponent> {
        Arc::clone(&self.prepared.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn settings(&self) -> &Settings {
        &self.lasting.settings
    }

    fn set_state(&self, state: State) {
        // Whoever hears of it must find it so.
        self.state.send_replace(state.clone());
        self.write_down(&state);
        self.lasting.events.send(Event::State(state));
    }

    fn write_down(&self, state: &State) {
        let auditor = &self.lasting.auditor;
        let record = match state {
            State::Starting | State::Stopping => return,
            State::Running => Record::new(Kind::Start),
            State::Restarting { reason } => Record::new(Kind::Restart).reason(reason),
            State::Ended(End::Stopped) => Record::new(Kind::Stop),
            State::Ended(end) => Record::new(Kind::Kill).reason(end),
        };
        auditor.note_often(record.event, |_| record.what(self.class.id()));
        if matches!(state, State::Ended(_)) {
            auditor.end();
        }
    }

    fn mailbox_size(&self) -> usize {
        usize::try_from(self.lasting.budget.mailbox)
            .unwrap_or(1)
            .max(1)
    }

    fn ended(&self) -> HostError {
        let reason = match &*self.state.borrow() {
            State::Ended(end) => end.to_string(),
            State::Restarting { reason } => reason.clone(),
            _ => "it is ending".to_owned(),
        };
        HostError::Ended(reason)
    }
}

/// A running external worker. Clones are the same instance; when the last one is dropped, the
/// instance is stopped.
#[derive(Clone)]
pub struct Instance {
    shared: Arc<Shared>,
    mailbox: mpsc::Sender<Command>,
    signals: mpsc::UnboundedSender<Signal>,
}

/// An instance whose `start` is under way. Dropping it ends it.
#[derive(Debug)]
pub struct Starting {
    instance: Instance,
    start: oneshot::Receiver<Result<()>>,
}

impl Starting {
    /// The instance itself, for its status, or to end it.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Waits until the guest's `start` is through.
    ///
    /// # Errors
    /// When the configuration does not fit, something that is granted is not there, or the guest's
    /// `start` fails. Nothing is left of the instance then.
    pub async fn started(self) -> Result<Instance> {
        match self.start.await {
            Ok(Ok(())) => Ok(self.instance),
            Ok(Err(error)) => {
                self.instance.ended().await;
                Err(error)
            }
            Err(_) => Err(self.instance.shared.ended()),
        }
    }
}

impl Instance {
    /// Starts an instance and waits until the guest's `start` is through.
    ///
    /// # Errors
    /// Those of [`Self::begin`] and [`Starting::started`]. Nothing is left of it then.
    pub async fn start(prepared: &Arc<PreparedComponent>, spec: Spec) -> Result<Self> {
        let (starting, _events) = Self::begin(prepared, spec)?;
        starting.started().await
    }

    /// Begins to start an instance, for whoever wants to see what happens from the first moment.
    ///
    /// # Errors
    /// When the class is unknown or there is a state that the component cannot take up. Whether the
    /// configuration fits, [`Starting::started`] says.
    pub fn begin(prepared: &Arc<PreparedComponent>, spec: Spec) -> Result<(Starting, Listener)> {
        let class = prepared.class(&spec.class_id)?;
        let state = keep::given(prepared, spec.state)?;
        let budget = prepared.budget();
        let delay = Duration::from_millis(class.declared.loop_delay_ms.into());
        let is_simulated = prepared.engine().clock().is_simulated();
        let (ledger, events) = (Ledger::new(budget), Arc::new(Events::new(budget)));
        let lasting = Arc::new(Lasting {
            uuid: spec.uuid,
            // Checked and completed by the actor, on the bill of the instance.
            settings: Settings::new(&class, &spec.name, spec.config),
            budget: budget.clone(),
            grants: Grants::new(Arc::clone(prepared.granted())),
            progress: Progress::new(&events, &ledger),
            endings: Endings::default(),
            ledger,
            meter: Meter::new(budget, prepared.engine().clock()),
            events,
            turns: Arc::new(Turns::new(delay, spec.uuid, is_simulated)),
            surface: Arc::new(Surface::new(Arc::clone(&class))),
            stop: Arc::default(),
            standing: prepared.engine().threads().stranger(limits::BEGUN_WITH),
            resolver: prepared.engine().resolver().clone(),
            trust: prepared.engine().trust().clone(),
            opener: prepared.engine().opener().clone(),
            stand_ins: prepared.engine().stand_ins().cloned(),
            folder: spec.folder,
            auditor: spec.auditor.of_instance(spec.uuid.simple()),
            secrets: spec.secrets,
            trapped_at: Mutex::default(),
        });
        let shared = Arc::new(Shared {
            class,
            prepared: RwLock::new(Arc::clone(prepared)),
            lasting,
            calls: Calls::new(
                prepared.engine().clock(),
                Duration::from_millis(budget.cancel_grace_ms),
            ),
            call_slots: caller::call_slots(budget),
            tally: Tally::default(),
            state: watch::Sender::new(State::Starting),
            restarts: std::sync::atomic::AtomicU32::new(0),
            shelf_timeouts: Mutex::default(),
        });
        let (mailbox, commands) = mpsc::channel(shared.mailbox_size());
        let (signals, signalled) = mpsc::unbounded_channel();
        let (started, start) = oneshot::channel();
        let actor = actor::run(Arc::clone(&shared), commands, signalled, started, state);
        let instance = Self {
            shared,
            mailbox,
            signals,
        };
        // Before the guest runs, so that nothing of its log is missed.
        let events = instance.events();
        let threads = prepared.engine().threads();
        drop(threads.spawn_as(instance.standing(), actor));
        Ok((Starting { instance, start }, events))
    }

    /// Its uuid.
    pub fn uuid(&self) -> Uuid {
        self.shared.lasting.uuid
    }

    /// Its name.
    pub fn name(&self) -> Arc<str> {
        self.shared.settings().name()
    }

    /// Gives it another name, which the guest has when it asks.
    pub fn rename(&self, name: &str) {
        self.shared.settings().rename(name);
    }

    /// Whether `other` is a handle of the same instance.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The component that it is an instance of.
    pub fn prepared(&self) -> Arc<PreparedComponent> {
        self.shared.prepared()
    }

    /// Holds it to `granted` from now on. What it has open and would not get any more is closed when this returns,
    /// whatever the guest does meanwhile, and is named here. What needs another linking, or another directory, it gets
    /// with its next start only.
    pub fn hold_to(&self, granted: Arc<Granted>) -> Vec<String> {
        self.shared.lasting.grants.change(granted)
    }

    /// Goes on as its component under another policy. `false`: that takes a start.
    pub fn go_on_as(&self, prepared: &Arc<PreparedComponent>) -> bool {
        let mut now = self
            .shared
            .prepared
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let goes_on = now.runs_on_as(prepared);
        if goes_on {
            *now = Arc::clone(prepared);
        }
        goes_on
    }

    /// Its class.
    pub fn class(&self) -> &Arc<Class> {
        &self.shared.class
    }

    /// Its nodes.
    pub fn surface(&self) -> &Arc<Surface> {
        &self.shared.lasting.surface
    }

    /// What happens in it, from now on.
    pub fn events(&self) -> Listener {
        self.shared.lasting.events.subscribe()
    }

    /// Merges `patch` into the configuration, property by property, and applies it.
    ///
    /// # Errors
    /// When the result does not fit the schema or the guest refuses it: the old one stays in force.
    pub async fn update_config(&self, patch: Json) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        let update = ConfigUpdate { patch, reply };
        self.send(Command::InTurn(Box::new(InTurn::UpdateConfig(update))))?;
        self.answered(answer).await
    }

    /// The configuration in force, with its secrets.
    pub fn config(&self) -> Json {
        self.shared.settings().config()
    }

    /// The configuration as it may leave the host; null before it was checked.
    pub fn public_config(&self) -> Json {
        self.shared.settings().public_config()
    }

    /// The shelves that it offers now; `None`: none.
    ///
    /// # Errors
    /// When they are not well formed, or the instance cannot be asked.
    pub async fn shelves(&self) -> Result<Option<Vec<Shelf>>> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Shelves { reply })?;
        self.answered(answer).await
    }

    /// The clockwork of its loop: pause, resume, delay.
    pub fn turns(&self) -> &Turns {
        &self.shared.lasting.turns
    }

    /// Lets the loop turn `count` times without the pauses between the turns; fewer times when a turn
    /// takes long, the loop is paused or the instance ends.
    pub async fn turn(&self, count: u32) {
        for _ in 0..count {
            if self.turns().status().paused {
                return;
            }
            let turned = tokio::time::timeout(limits::TURN_PATIENCE, self.turns().one_more());
            tokio::select! {
                biased;
                turned = turned => if turned.is_err() { return },
                _end = self.ended() => return,
            }
        }
    }

    /// Stops it: `stop` in the guest, then everything it held is given back. Waits for that.
    pub async fn stop(&self) -> End {
        let _ = self.signals.send(Signal::Stop);
        self.ended().await
    }

    /// Ends it without asking the guest. Waits until nothing is left of it.
    pub async fn kill(&self, reason: &str) -> End {
        let _ = self.signals.send(Signal::Kill(reason.to_owned()));
        self.ended().await
    }

    /// Stops the guest and starts it again, with its uuid, configuration, nodes and state. What it
    /// cannot save is logged, and lost.
    pub fn restart(&self) {
        let _ = self.signals.send(Signal::Restart);
    }

    /// Waits until it has ended.
    pub async fn ended(&self) -> End {
        let mut state = self.shared.state.subscribe();
        loop {
            if let State::Ended(end) = &*state.borrow_and_update() {
                return end.clone();
            }
            if state.changed().await.is_err() {
                return End::Failed("its task is gone".to_owned());
            }
        }
    }

    /// Its state, and every change of it.
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// What it did and uses.
    pub fn status(&self) -> Status {
        let lasting = &self.shared.lasting;
        Status {
            state: self.shared.state.borrow().clone(),
            turns: lasting.turns.status(),
            calls: self.shared.tally.calls(),
            open_calls: self.shared.calls.len(),
            restarts: self
                .shared
                .restarts
                .load(std::sync::atomic::Ordering::Relaxed),
            cpu: lasting.meter.bill(),
            throttled: lasting.meter.throttled(),
            memory: lasting.ledger.used(Resource::Memory),
            memory_peak: lasting.ledger.peak(Resource::Memory),
            dropped_log_lines: lasting.events.dropped_lines(),
            refused_events: lasting.events.refused(),
            trapped_at: lasting.trapped_at(),
        }
    }

    /// Where it stands among those who wait for a thread: what is done because of it waits there, too.
    pub fn standing(&self) -> &Standing {
        &self.shared.lasting.standing
    }

    /// Something that is done because of the guest, on its bill.
    pub fn billed<F: Future>(&self, work: F) -> Metered<F> {
        Metered::new(work, Arc::clone(&self.shared.lasting.meter))
    }

    /// What it is charged for.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.lasting.ledger
    }

    /// The answer, or why there will be none: the store that owed it is gone, and the actor is about to
    /// say why.
    async fn answered<T>(&self, answer: oneshot::Receiver<Result<T>>) -> Result<T> {
        if let Ok(answer) = answer.await {
            return answer;
        }
        let mut state = self.state();
        let said =
            state.wait_for(|state| matches!(state, State::Restarting { .. } | State::Ended(_)));
        // Where it is started again on purpose there is nothing to say.
        let _ = tokio::time::timeout(limits::CANCEL_GRACE, said).await;
        Err(self.shared.ended())
    }

    fn send(&self, command: Command) -> Result<()> {
        self.mailbox.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                let size = self.shared.lasting.budget.mailbox;
                HostError::Busy(format!("{size} commands are waiting already"))
            }
            mpsc::error::TrySendError::Closed(_) => self.shared.ended(),
        })
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("uuid", &self.uuid())
            .finish_non_exhaustive()
    }
}
