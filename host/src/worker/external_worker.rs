//! One external worker in a Worker: what stays the same while the instance behind it is started
//! again, replaced by a new version of its code, or is down.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value as Json};
use tokio::sync::{Notify, watch};

use super::lock;
use crate::audit::Auditor;
use crate::error::{HostError, Result};
use crate::instance::exports::{Outputs, Ports};
use crate::instance::{Caller, Folder, Instance, State};
use crate::json::without_odd;

/// What is behind an external worker now.
#[derive(Debug, Clone)]
enum Slot {
    /// An instance, running or starting again.
    Up(Instance),
    /// One is being replaced by another: calls wait.
    Swapping(Instance),
    /// One is starting, or waits for its turn to: calls wait.
    Starting,
    /// Nothing; why.
    Down(String),
    /// Nothing, and nothing will be.
    Removed,
}

/// What an instance may take the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InPlaceOf {
    /// Nothing: it is the one that was starting.
    Starting,
    /// Calls are held for it.
    Swapping,
}

/// A start under way, or one that waits for its turn. Dropped, it has failed.
#[derive(Debug)]
pub struct Start {
    external: Arc<ExternalWorker>,
    failure: Option<String>,
}

const STARTING: &str = "it is starting";
const REMOVED: &str = "it was removed";

/// Who it is and what it is made of; all of it is saved.
#[derive(Debug, Clone, PartialEq)]
pub struct Identity {
    /// 32 hexadecimal digits, for ever.
    pub uuid: String,
    /// Which class of which module.
    pub class_id: String,
    /// The module that the class comes from.
    pub module: String,
}

/// One external worker.
#[derive(Debug)]
pub struct ExternalWorker {
    identity: Identity,
    name: Mutex<String>,
    /// The configuration that was last in force, for when nothing runs.
    config: Mutex<Json>,
    /// What the guest last saved of itself, until the next start has taken it.
    state: Mutex<Option<Vec<u8>>>,
    begins_paused: AtomicBool,
    folder: Arc<Folder>,
    auditor: Auditor,
    slot: watch::Sender<Slot>,
    calls: AtomicUsize,
    calls_ended: Notify,
    is_library: bool,
}

impl ExternalWorker {
    /// One behind which nothing is yet, because of `reason`.
    pub fn new(identity: Identity, name: String, mut config: Json, reason: &str) -> Self {
        // A schema knows no other numbers than JSON does, and neither do guests.
        without_odd(&mut config);
        Self {
            identity,
            name: Mutex::new(name),
            config: Mutex::new(config),
            state: Mutex::default(),
            begins_paused: AtomicBool::new(false),
            folder: Folder::none(),
            auditor: Auditor::default(),
            slot: watch::Sender::new(Slot::Down(reason.to_owned())),
            calls: AtomicUsize::new(0),
            calls_ended: Notify::new(),
            is_library: false,
        }
    }

    /// A node library: nobody configures it, and its loop does not turn.
    pub(crate) fn library(identity: Identity, name: String) -> Self {
        Self {
            is_library: true,
            begins_paused: AtomicBool::new(true),
            ..Self::waiting(identity, name, Json::Object(Map::new()))
        }
    }

    /// One whose class is yet to come.
    pub fn waiting(identity: Identity, name: String, config: Json) -> Self {
        let reason = format!("its class `{}` is not available", identity.class_id);
        Self::new(identity, name, config, &reason)
    }

    /// The same, with `folder` for its own.
    #[must_use]
    pub(crate) fn in_folder(self, folder: Arc<Folder>) -> Self {
        Self { folder, ..self }
    }

    /// The same, with who writes down what happens to it.
    #[must_use]
    pub(crate) fn audited_by(self, auditor: &Auditor) -> Self {
        let auditor = auditor.of_module(&self.identity.module);
        Self { auditor, ..self }
    }

    /// Who writes down what happens to it.
    pub(crate) fn auditor(&self) -> &Auditor {
        &self.auditor
    }

    /// Its own folder.
    pub(crate) fn folder(&self) -> &Arc<Folder> {
        &self.folder
    }

    /// Its uuid.
    pub fn uuid(&self) -> &str {
        &self.identity.uuid
    }

    /// Its class.
    pub fn class_id(&self) -> &str {
        &self.identity.class_id
    }

    /// The module of its class.
    pub fn module(&self) -> &str {
        &self.identity.module
    }

    /// Whether it is a node library: the Worker keeps it, and clients see its nodes only.
    pub fn is_library(&self) -> bool {
        self.is_library
    }

    /// Its name.
    pub fn name(&self) -> String {
        lock(&self.name).clone()
    }

    /// Gives it another name.
    pub fn rename(&self, name: String) {
        lock(&self.name).clone_from(&name);
        // After that: one that comes now has the new name already.
        if let Some(instance) = self.instance() {
            instance.rename(&name);
        }
    }

    /// The instance behind it, if there is one.
    pub fn instance(&self) -> Option<Instance> {
        match &*self.slot.borrow() {
            Slot::Up(instance) | Slot::Swapping(instance) => Some(instance.clone()),
            Slot::Starting | Slot::Down(_) | Slot::Removed => None,
        }
    }

    /// Whether it runs, or is about to.
    pub(crate) fn is_running(&self) -> bool {
        let is_starting = matches!(&*self.slot.borrow(), Slot::Starting);
        is_starting
            || self.instance().is_some_and(|instance| {
                matches!(
                    &*instance.state().borrow(),
                    State::Starting | State::Running | State::Restarting { .. }
                )
            })
    }

    /// Whether new code is being put behind it.
    pub(crate) fn is_swapping(&self) -> bool {
        matches!(&*self.slot.borrow(), Slot::Swapping(_))
    }

    /// Why nothing is behind it, if so.
    pub fn problem(&self) -> Option<String> {
        match &*self.slot.borrow() {
            Slot::Down(reason) => Some(reason.clone()),
            Slot::Starting => Some(STARTING.to_owned()),
            Slot::Removed => Some(REMOVED.to_owned()),
            Slot::Up(_) | Slot::Swapping(_) => None,
        }
    }

    /// The configuration in force, or the last that was; with its secrets.
    pub fn config(&self) -> Json {
        match self.instance() {
            Some(instance) => instance.config(),
            None => lock(&self.config).clone(),
        }
    }

    /// What the guest last saved of itself.
    pub fn state(&self) -> Option<Vec<u8>> {
        lock(&self.state).clone()
    }

    /// Keeps what the guest saved of itself; `None`: nothing.
    pub(crate) fn keep_state(&self, state: Option<Vec<u8>>) {
        *lock(&self.state) = state;
    }

    /// Whether the loop of the next instance begins paused.
    pub(crate) fn begins_paused(&self) -> bool {
        self.begins_paused.load(Ordering::SeqCst)
    }

    /// Sets whether the loop of the next instance begins paused.
    pub(crate) fn begin_paused(&self, paused: bool) {
        self.begins_paused.store(paused, Ordering::SeqCst);
    }

    /// Pauses the loop or lets it go on, now and from the next start on. `false`: nothing runs, nor will
    /// before somebody starts it.
    pub fn set_paused(&self, paused: bool) -> bool {
        if !self.is_running() && self.instance().is_none() {
            return false;
        }
        self.begin_paused(paused);
        // After that: one that comes now was told already.
        if let Some(instance) = self.instance() {
            set_paused(&instance, paused);
        }
        true
    }

    /// Whether nothing is behind it, and something may be.
    pub fn is_down(&self) -> bool {
        matches!(&*self.slot.borrow(), Slot::Down(_))
    }

    /// Why nothing is behind it is another reason now.
    pub(crate) fn down_because(&self, reason: &str) {
        self.slot.send_if_modified(|slot| {
            let is_down = matches!(slot, Slot::Down(_));
            if is_down {
                *slot = Slot::Down(reason.to_owned());
            }
            is_down
        });
    }

    /// Whoever gets the start is the one that starts it; from now on calls wait for that. `None`: something
    /// is behind it, or about to be, or nothing may be any more.
    pub(crate) fn begin_start(self: &Arc<Self>) -> Option<Start> {
        let mine = self.slot.send_if_modified(|slot| {
            let is_down = matches!(slot, Slot::Down(_));
            if is_down {
                *slot = Slot::Starting;
            }
            is_down
        });
        mine.then(|| Start {
            external: Arc::clone(self),
            failure: Some("its start was interrupted".to_owned()),
        })
    }

    /// Waits until a start that is under way is through.
    ///
    /// # Errors
    /// Why nothing is behind it.
    pub(crate) async fn settled(&self) -> Result<()> {
        let mut slot = self.slot.subscribe();
        let settled = slot.wait_for(|slot| !matches!(slot, Slot::Starting)).await;
        match settled.as_deref() {
            Ok(Slot::Down(reason)) => Err(HostError::Ended(reason.clone())),
            Ok(Slot::Removed) | Err(_) => Err(HostError::Ended(REMOVED.to_owned())),
            Ok(_) => Ok(()),
        }
    }

    /// From now on `instance` answers, if what it is to take the place of is still there. `false`: it
    /// is not, and `instance` has to be stopped.
    pub fn put(&self, instance: &Instance, over: InPlaceOf) -> bool {
        let put = self.slot.send_if_modified(|slot| {
            let fits = match over {
                InPlaceOf::Starting => matches!(slot, Slot::Starting),
                InPlaceOf::Swapping => matches!(slot, Slot::Swapping(_)),
            };
            if fits {
                *slot = Slot::Up(instance.clone());
            }
            fits
        });
        if put {
            *lock(&self.config) = instance.config();
            // What a client said while there was nobody to be told.
            instance.rename(&self.name());
            set_paused(instance, self.begins_paused());
        }
        put
    }

    /// From now on nothing answers, for ever. Returns what did.
    pub fn remove(&self) -> Option<Instance> {
        match self.slot.send_replace(Slot::Removed) {
            Slot::Up(instance) | Slot::Swapping(instance) => Some(instance),
            Slot::Starting | Slot::Down(_) | Slot::Removed => None,
        }
    }

    /// From now on nothing answers, because of `reason`, if what did has ended. `false`: another has
    /// taken its place already, or is about to.
    pub(crate) fn take_down_ended(&self, reason: &str) -> bool {
        let mut config = None;
        let taken = self.slot.send_if_modified(|slot| {
            let Slot::Up(instance) = slot else {
                return false;
            };
            if !has_ended(instance) {
                return false;
            }
            config = Some(instance.config());
            *slot = Slot::Down(reason.to_owned());
            true
        });
        if let Some(config) = config {
            *lock(&self.config) = config;
        }
        taken
    }

    /// From now on nothing answers, because of `reason`, where what did is held. `false`: it was removed.
    pub(crate) fn take_down_held(&self, reason: &str) -> bool {
        let mut config = None;
        self.slot.send_if_modified(|slot| {
            let Slot::Swapping(instance) = slot else {
                return false;
            };
            config = Some(instance.config());
            *slot = Slot::Down(reason.to_owned());
            true
        });
        let is_taken = config.is_some();
        if let Some(config) = config {
            *lock(&self.config) = config;
        }
        is_taken
    }

    /// What was held for a swap answers again, unless it has ended; then nothing does.
    pub fn give_back(&self, reason: &str) {
        self.slot.send_if_modified(|slot| {
            let Slot::Swapping(instance) = slot else {
                return false;
            };
            *slot = if has_ended(instance) {
                Slot::Down(reason.to_owned())
            } else {
                Slot::Up(instance.clone())
            };
            true
        });
    }

    /// Holds new calls back and waits until the open ones have ended, at most for `limit`. Returns the
    /// instance behind it; `None`, and nothing is held back: there is none, or it is swapped already.
    /// [`Self::put`], [`Self::give_back`] or [`Self::remove`] lets the calls go on.
    pub(crate) async fn hold_calls(&self, limit: Duration) -> Option<Instance> {
        let mut held = None;
        self.slot.send_if_modified(|slot| {
            let Slot::Up(instance) = slot else {
                return false;
            };
            held = Some(instance.clone());
            *slot = Slot::Swapping(instance.clone());
            true
        });
        let instance = held?;
        let drained = async {
            loop {
                let ended = self.calls_ended.notified();
                tokio::pin!(ended);
                ended.as_mut().enable();
                if self.calls.load(Ordering::SeqCst) == 0 {
                    return;
                }
                ended.await;
            }
        };
        // Those that are not through by then are answered by the end of the old instance.
        let _ = tokio::time::timeout(limit, drained).await;
        Some(instance)
    }

    /// Merges `patch` into the configuration of the instance that is in force; waits as
    /// [`Self::call`] does, so that a swap neither loses nor forgets it.
    ///
    /// # Errors
    /// When it does not fit, the guest refuses it, or there is no instance.
    pub async fn update_config(&self, mut patch: Json) -> Result<()> {
        without_odd(&mut patch);
        let (instance, _running) = self.enter().await?;
        instance.update_config(patch).await?;
        *lock(&self.config) = instance.config();
        Ok(())
    }

    /// Keeps the configuration that is in force, for when nothing runs.
    pub(crate) fn keep_config(&self) {
        if let Some(instance) = self.instance() {
            *lock(&self.config) = instance.config();
        }
    }

    /// The node `caller` calls a method or a shelf's node of the instance that is in force; while one starts, or is replaced
    /// by another, waits for that, and while it runs as many calls as it may, for one to end. The inputs
    /// are made when it is its turn.
    ///
    /// # Errors
    /// What the instance answers, or why there is none.
    pub async fn call(
        &self,
        caller: &Arc<str>,
        node: &str,
        inputs: impl FnOnce() -> Ports,
    ) -> Result<Outputs> {
        let mut waited = None;
        loop {
            let (instance, running) = self.enter().await?;
            let place = match waited.take() {
                Some((of, place)) if instance.is(&of) => Some(place),
                _ => instance.place_now(),
            };
            if let Some(place) = place {
                let node_of = Some(Arc::clone(caller));
                let caller = Caller {
                    place,
                    node: node_of,
                };
                return instance.call_at(caller, node, inputs()).await;
            }
            // Not counted as under way meanwhile: a swap waits for calls that run, and this one may
            // as well run in the next instance.
            drop(running);
            let place = instance.place().await;
            waited = Some((instance, place));
        }
    }

    async fn enter(&self) -> Result<(Instance, RunningCall<'_>)> {
        loop {
            // Counted before the look, so that a swap either sees the call or is seen by it.
            let call = RunningCall::begin(self);
            match &*self.slot.borrow() {
                Slot::Up(instance) => return Ok((instance.clone(), call)),
                Slot::Down(reason) => return Err(HostError::Ended(reason.clone())),
                Slot::Removed => return Err(HostError::Ended(REMOVED.to_owned())),
                Slot::Starting | Slot::Swapping(_) => {}
            }
            drop(call);
            let mut slot = self.slot.subscribe();
            let came = slot.wait_for(|slot| !matches!(slot, Slot::Starting | Slot::Swapping(_)));
            if came.await.is_err() {
                return Err(HostError::Ended(REMOVED.to_owned()));
            }
        }
    }
}

impl Start {
    /// Who starts.
    pub fn external(&self) -> &Arc<ExternalWorker> {
        &self.external
    }

    /// From now on `instance` answers. `false`: the external worker was removed meanwhile, and `instance`
    /// has to be stopped.
    pub fn done(mut self, instance: &Instance) -> bool {
        self.failure = None;
        self.external.put(instance, InPlaceOf::Starting)
    }

    /// Nothing is behind it, because of `reason`.
    pub fn failed(mut self, reason: &str) {
        self.failure = Some(reason.to_owned());
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        let Some(reason) = self.failure.take() else {
            return;
        };
        self.external.slot.send_if_modified(|slot| {
            let is_starting = matches!(slot, Slot::Starting);
            if is_starting {
                *slot = Slot::Down(reason);
            }
            is_starting
        });
    }
}

fn set_paused(instance: &Instance, paused: bool) {
    if paused {
        instance.turns().pause();
    } else {
        instance.turns().resume();
    }
}

fn has_ended(instance: &Instance) -> bool {
    matches!(&*instance.state().borrow(), State::Ended(_))
}

/// A call under way.
struct RunningCall<'a>(&'a ExternalWorker);

impl<'a> RunningCall<'a> {
    fn begin(external: &'a ExternalWorker) -> Self {
        external.calls.fetch_add(1, Ordering::SeqCst);
        Self(external)
    }
}

impl Drop for RunningCall<'_> {
    fn drop(&mut self) {
        if self.0.calls.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.calls_ended.notify_waiters();
        }
    }
}
