//! The exports of a component as ordinary code: one worker instance, its tasks, and their end.
//!
//! The loop, calls and a configuration update run at the same time, each a task of the component
//! model. Each is raced against an [`Op`], by which `stop` and `cancel` end it: what loses the race
//! is dropped, and dropping a future cancels the host calls that it waits for.
#![allow(missing_docs, reason = "reached by the macros only")]

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::bindings::exports::funcnodes::external_worker::worker as wit;
use crate::bindings::funcnodes::external_worker::types as wit_types;
use crate::bindings::state::exports::funcnodes::external_worker::state as wit_state;
use crate::call::{Call, End, Ending};
use crate::describe::Inputs;
use crate::error::{Error, Result};
use crate::shelf::{self, Table};
use crate::value::Value;
use crate::worker::{ClassEntry, Instance, Worker};

/// What `export!` implements for the component.
pub trait Component: 'static {
    fn classes() -> &'static [ClassEntry];
}

/// Who the instance is.
#[derive(Clone)]
pub(crate) struct Info {
    pub(crate) uuid: Rc<str>,
    pub(crate) name: Rc<str>,
}

impl End {
    fn error(self) -> Error {
        Error::unavailable(match self {
            Self::Stopping => "the worker is stopping",
            Self::Cancelled => "the call was cancelled",
        })
    }
}

/// A task that waits.
#[derive(Default)]
struct Op {
    /// Only of a call.
    call: Option<u64>,
    ending: Rc<Ending>,
}

#[derive(Default)]
struct Runtime {
    info: OnceCell<Info>,
    config: RefCell<Option<Rc<dyn Any>>>,
    /// How many configurations were accepted, and who waits for the next.
    configured: Cell<u64>,
    config_waiters: RefCell<BTreeMap<u64, Waker>>,
    /// The pause between turns that the worker asked for last.
    loop_delay: Cell<Option<u32>>,
    /// Whether the host was told of no pause, for once.
    delay_skipped: Cell<bool>,
    updating: Cell<bool>,
    worker: RefCell<Option<Rc<dyn Instance>>>,
    shelf: RefCell<Option<Rc<Table>>>,
    stopping: Cell<bool>,
    ops: RefCell<BTreeMap<u64, Rc<Op>>>,
    next_key: Cell<u64>,
    /// `stop`, waiting until there are no `ops`.
    stop: RefCell<Option<Waker>>,
}

thread_local! {
    static RUNTIME: RefCell<Rc<Runtime>> = RefCell::default();
}

fn runtime() -> Rc<Runtime> {
    RUNTIME.with_borrow(Rc::clone)
}

/// Forgets the worker there was: a test may start another.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn reset() {
    let old = RUNTIME.try_with(|runtime| runtime.replace(Rc::default()));
    drop(old);
}

/// Which worker it is that a test has started.
#[cfg(not(target_family = "wasm"))]
pub(crate) struct Handle(Rc<Runtime>);

#[cfg(not(target_family = "wasm"))]
impl Handle {
    /// The one that runs now.
    pub(crate) fn current() -> Self {
        Self(runtime())
    }

    /// Whether it still runs, and no other one.
    pub(crate) fn is_current(&self) -> bool {
        RUNTIME
            .try_with(|runtime| Rc::ptr_eq(&runtime.borrow(), &self.0))
            .unwrap_or(false)
    }
}

/// Whether a worker was started, and has not gone since.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn is_started() -> bool {
    runtime().worker.borrow().is_some()
}

/// The worker of this component, if it is a `W`.
pub(crate) fn worker<W: Worker>() -> Result<Rc<W>> {
    let worker = runtime().worker()?.as_any().downcast();
    worker.map_err(|_| {
        Error::internal(format!(
            "the worker that runs is not of the class {}",
            W::CLASS_ID
        ))
    })
}

pub(crate) fn set_loop_delay(ms: u32) {
    let runtime = runtime();
    runtime.loop_delay.set(Some(ms));
    runtime.delay_skipped.set(false);
    crate::host::set_loop_delay(ms);
}

/// The host applies a new pause to the one that it waits for, so none is the end of that one.
pub(crate) fn skip_loop_delay() {
    runtime().delay_skipped.set(true);
    crate::host::set_loop_delay(0);
}

/// Waits until a configuration is accepted.
#[must_use = "this does nothing until it is awaited"]
pub struct ConfigChanged {
    runtime: Rc<Runtime>,
    seen: u64,
    key: Option<u64>,
}

impl ConfigChanged {
    pub(crate) fn new() -> Self {
        let runtime = runtime();
        let seen = runtime.configured.get();
        let key = None;
        Self { runtime, seen, key }
    }
}

impl Future for ConfigChanged {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.runtime.configured.get() != self.seen {
            return Poll::Ready(());
        }
        let key = match self.key {
            Some(key) => key,
            None => self.runtime.new_key(),
        };
        self.key = Some(key);
        let mut waiters = self.runtime.config_waiters.borrow_mut();
        waiters.insert(key, cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for ConfigChanged {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.runtime.config_waiters.borrow_mut().remove(&key);
        }
    }
}

pub(crate) fn set_config(config: Rc<dyn Any>) {
    runtime().config.replace(Some(config));
}

/// Puts in force what the worker itself says.
pub(crate) fn say_config(config: Rc<dyn Any>) {
    set_config(config);
    runtime().configured();
}

#[track_caller]
#[expect(
    clippy::panic,
    reason = "a mistake in the author's code that has no other outcome"
)]
pub(crate) fn config<C: 'static>() -> Rc<C> {
    let config = runtime().config.borrow().clone();
    match config.map(Rc::downcast) {
        Some(Ok(config)) => config,
        _ => panic!("self.config() works only in the worker that was started, not in another one"),
    }
}

#[track_caller]
#[expect(
    clippy::panic,
    reason = "a mistake in the author's code that has no other outcome"
)]
pub(crate) fn info() -> Info {
    match runtime().info.get() {
        Some(info) => info.clone(),
        None => panic!("the name and the uuid are known only to a worker that was started"),
    }
}

/// Takes the task off the list, after what it did was dropped, since locals go in reverse order.
struct Registered<'a> {
    runtime: &'a Runtime,
    key: Option<u64>,
    op: Rc<Op>,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        self.runtime.ops.borrow_mut().remove(&key);
        if self.runtime.ops.borrow().is_empty()
            && let Some(waker) = self.runtime.stop.take()
        {
            waker.wake();
        }
    }
}

impl Registered<'_> {
    /// Only what waits can be ended, so what never does is never on the list.
    fn wait(&mut self, waker: &Waker) {
        if self.key.is_none() {
            let key = self.runtime.new_key();
            self.key = Some(key);
            self.runtime
                .ops
                .borrow_mut()
                .insert(key, Rc::clone(&self.op));
        }
        self.op.ending.wakes(waker);
    }
}

impl Runtime {
    /// Runs `work` until it is done or has to end.
    async fn race<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.race_as(Op::default(), work).await
    }

    async fn race_as<T>(&self, op: Op, work: impl Future<Output = Result<T>>) -> Result<T> {
        if self.stopping.get() {
            return Err(End::Stopping.error());
        }
        let op = Rc::new(op);
        let mut registered = Registered {
            runtime: self,
            key: None,
            op,
        };
        let mut work = pin!(work);
        poll_fn(|cx| {
            if let Some(end) = registered.op.ending.drops() {
                return Poll::Ready(Err(end.error()));
            }
            let poll = work.as_mut().poll(cx);
            if poll.is_pending() {
                registered.wait(cx.waker());
            }
            poll
        })
        .await
    }

    fn new_key(&self) -> u64 {
        let key = self.next_key.get();
        self.next_key.set(key + 1);
        key
    }

    /// The pause between turns is what it was, once a turn has begun.
    fn restore_delay(&self) {
        if self.delay_skipped.replace(false)
            && let Ok(worker) = self.worker()
        {
            let delay = self.loop_delay.get();
            crate::host::set_loop_delay(delay.unwrap_or_else(|| worker.loop_delay()));
        }
    }

    fn configured(&self) {
        self.configured.set(self.configured.get() + 1);
        for waker in self.config_waiters.take().into_values() {
            waker.wake();
        }
    }

    fn worker(&self) -> Result<Rc<dyn Instance>> {
        self.worker.borrow().clone().ok_or_else(|| {
            Error::unavailable(if self.stopping.get() {
                "the worker has stopped"
            } else {
                "the worker has not started"
            })
        })
    }

    /// Reads the shelf and keeps its nodes for `call`.
    fn read_shelf(&self) -> Result<Option<Vec<wit_types::Shelf>>> {
        let worker = self.worker()?;
        if let Some(shelves) = worker.library_shelves() {
            return Ok(Some(shelves));
        }
        let Some(shelf) = worker.shelf()? else {
            self.shelf.replace(None);
            return Ok(None);
        };
        let (list, table) = shelf::flatten(shelf)?;
        self.shelf.replace(Some(Rc::new(table)));
        Ok(Some(list))
    }

    async fn call(&self, node: &str, inputs: Inputs) -> Result<crate::describe::Outputs> {
        let worker = self.worker()?;
        if !node.contains('/') || worker.is_library() {
            return match worker.call(node, inputs) {
                Some(running) => running.await,
                None => Err(Error::unavailable(format!("there is no node {node:?}"))),
            };
        }
        if self.shelf.borrow().is_none() {
            self.read_shelf()?;
        }
        let table = self.shelf.borrow().clone();
        match table.and_then(|table| table.call(node, inputs)) {
            Some(running) => running.await,
            None => Err(Error::unavailable(format!(
                "there is no node {node:?} on the shelf"
            ))),
        }
    }
}

/// Puts the old configuration back unless the new one was accepted, also when the hook is dropped.
struct Rollback<'a> {
    runtime: &'a Runtime,
    old: Option<Rc<dyn Any>>,
}

impl Drop for Rollback<'_> {
    fn drop(&mut self) {
        self.runtime.updating.set(false);
        if let Some(old) = self.old.take() {
            self.runtime.config.replace(Some(old));
        }
    }
}

fn enter() {
    crate::panics::install();
    crate::logging::install();
}

impl<C: Component> wit::Guest for C {
    fn describe() -> Vec<wit::WorkerClass> {
        enter();
        C::classes()
            .iter()
            .map(|class| (class.describe)())
            .collect()
    }

    async fn start(
        class_id: String,
        instance: wit::InstanceInfo,
        config: String,
    ) -> Result<(), wit::Error> {
        enter();
        start::<C>(&class_id, instance, &config)
            .await
            .map_err(Into::into)
    }

    async fn loop_() -> Result<(), wit::Error> {
        let runtime = runtime();
        runtime.restore_delay();
        let turn = async { runtime.worker()?.turn().await };
        let result = runtime.race(turn).await;
        // The end of a worker is not the failure of its loop.
        if runtime.stopping.get() {
            Ok(())
        } else {
            result.map_err(Into::into)
        }
    }

    async fn update_config(config: String) -> Result<(), wit::Error> {
        update_config(&config).await.map_err(Into::into)
    }

    fn get_nodeshelf() -> Option<Vec<wit::Shelf>> {
        runtime().read_shelf().unwrap_or_else(|error| {
            log::error!("get_nodeshelf: {error}");
            None
        })
    }

    async fn call(
        wit::CallInfo { id, node, caller }: wit::CallInfo,
        inputs: Vec<(String, Value)>,
    ) -> Result<Vec<(String, Value)>, wit::Error> {
        let runtime = runtime();
        let op = Op {
            call: Some(id),
            ..Op::default()
        };
        let call = Call::new(id, caller, Rc::clone(&op.ending));
        let calling = runtime.call(&node, Inputs::new(inputs, call));
        runtime.race_as(op, calling).await.map_err(Into::into)
    }

    fn cancel(id: u64) {
        let runtime = runtime();
        let op = runtime
            .ops
            .borrow()
            .values()
            .find(|op| op.call == Some(id))
            .cloned();
        if let Some(op) = op {
            op.ending.end(End::Cancelled);
        }
    }

    async fn stop() {
        enter();
        stop().await;
    }
}

impl<C: Component> wit_state::Guest for C {
    async fn save() -> Result<Vec<u8>, wit::Error> {
        let runtime = runtime();
        let save = async { runtime.worker()?.saved().await };
        runtime.race(save).await.map_err(Into::into)
    }

    async fn restore(state: Vec<u8>) -> Result<(), wit::Error> {
        let runtime = runtime();
        let restore = async { runtime.worker()?.restored(state).await };
        runtime.race(restore).await.map_err(Into::into)
    }
}

async fn start<C: Component>(
    class_id: &str,
    instance: wit::InstanceInfo,
    config: &str,
) -> Result<()> {
    let runtime = runtime();
    let Some(class) = C::classes().iter().find(|class| class.id == class_id) else {
        let ids: Vec<_> = C::classes().iter().map(|class| class.id).collect();
        return Err(Error::unavailable(format!(
            "there is no class {class_id:?} here; classes: {}",
            ids.join(", ")
        )));
    };
    let info = Info {
        uuid: instance.uuid.into(),
        name: instance.name.into(),
    };
    if runtime.info.set(info).is_err() {
        return Err(Error::internal(
            "start was called twice; an instance is one worker",
        ));
    }
    let worker = runtime.race((class.start)(config)?).await?;
    runtime.worker.replace(Some(worker));
    Ok(())
}

async fn update_config(config: &str) -> Result<()> {
    let runtime = runtime();
    let worker = runtime.worker()?;
    let config = worker.parse_config(config)?;
    if runtime.updating.replace(true) {
        return Err(Error::busy(
            "another configuration is being applied; try again when it is",
        ));
    }
    let old = runtime.config.replace(Some(config));
    let mut rollback = Rollback {
        runtime: &runtime,
        old,
    };
    runtime.race(worker.config_updated()).await?;
    rollback.old = None;
    runtime.configured();
    Ok(())
}

async fn stop() {
    let runtime = runtime();
    runtime.stopping.set(true);
    let ops: Vec<_> = runtime.ops.borrow().values().cloned().collect();
    for op in ops {
        op.ending.end(End::Stopping);
    }
    poll_fn(|cx| {
        if runtime.ops.borrow().is_empty() {
            return Poll::Ready(());
        }
        runtime.stop.replace(Some(cx.waker().clone()));
        Poll::Pending
    })
    .await;
    let worker = runtime.worker.take();
    if let Some(worker) = worker
        && let Err(error) = worker.stopped().await
    {
        log::error!("stop: {error}");
    }
    runtime.shelf.replace(None);
}
