//! A worker that a test has started, driven through the same dispatch as in its component.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::ops::Deref;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value as JsonValue;

use super::bench::{Bench, Event, LogLine};
use super::call::{CallInputs, OpenCall, Outputs};
use super::clock::{self, Sleep, block_on};
use super::node::InputChanges;
use super::schema;
use crate::bindings::exports::funcnodes::external_worker::worker::{CallInfo, Guest, InstanceInfo};
use crate::bindings::state::exports::funcnodes::external_worker::state::Guest as Keeps;
use crate::error::{Error, Result};
use crate::export::{self, Component, Handle};
use crate::host::NODE;
use crate::worker::{ClassEntry, Worker};

/// Who the worker of a test is.
const UUID: &str = "0123456789abcdef0123456789abcdef";

/// A component with one class.
struct Only<W>(PhantomData<W>);

impl<W: Worker> Component for Only<W> {
    fn classes() -> &'static [ClassEntry] {
        const { &[ClassEntry::of::<W>()] }
    }
}

type Turn = Pin<Box<dyn Future<Output = Result<()>>>>;

/// A worker that runs, on a [`Bench`].
///
/// Its own methods can be called directly, since it stands for the worker; those that are async with
/// [`block_on`]. [`call`](Self::call) goes the way that a graph's call goes: by the name of the node, with values
/// that become arguments. All of it is on simulated time.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::testing;
///
/// #[derive(Default)]
/// struct Counter {
///     count: State<i64>,
/// }
///
/// #[external_worker(id = "counter")]
/// impl Counter {
///     fn r#loop(&self) -> Result<()> {
///         let count = self.add(1);
///         self.emit("counted", count)
///     }
///     #[node]
///     fn add(&self, n: i64) -> i64 {
///         self.count.update(|count| {
///             *count += n;
///             *count
///         })
///     }
/// }
///
/// let counter = testing::start::<Counter>(json!({})).unwrap();
/// counter.turn().unwrap();
/// assert_eq!(counter.events()[0].data, 1);
/// assert_eq!(counter.call("add", json!({"n": 2})).unwrap().one::<i64>().unwrap(), 3);
/// assert_eq!(counter.add(1), 4);
/// ```
pub struct Running<W: Worker> {
    bench: Bench,
    worker: Rc<W>,
    handle: Handle,
    config: RefCell<JsonValue>,
    next_call: Cell<u64>,
    /// A turn that was not over when the test went on.
    open_turn: RefCell<Option<Turn>>,
    /// When the last turn ended.
    last_turn: Cell<Option<Duration>>,
}

impl<W: Worker> Running<W> {
    pub(super) fn start(
        bench: &Bench,
        config: impl Serialize,
        state: Option<&[u8]>,
    ) -> Result<Self> {
        let schema = serde_json::from_str(&W::class().config_schema)?;
        let config = schema::complete(&schema, serde_json::to_value(config)?)?;
        if export::is_started() {
            return Err(Error::busy(
                "a worker of this test runs already; drop it or stop it before the next starts",
            ));
        }
        export::reset();
        bench.inner().restarted();
        let instance = InstanceInfo {
            uuid: UUID.into(),
            name: W::CLASS_ID.into(),
        };
        let starting = Only::<W>::start(W::CLASS_ID.into(), instance, config.to_string());
        let started = block_on(async {
            starting.await?;
            match state {
                Some(state) => Only::<W>::restore(state.to_vec()).await,
                None => Ok(()),
            }
        });
        if let Err(error) = started {
            export::reset();
            return Err(error.into());
        }
        Ok(Self {
            bench: bench.clone(),
            worker: export::worker()?,
            handle: Handle::current(),
            config: RefCell::new(config),
            next_call: Cell::new(1),
            open_turn: RefCell::default(),
            last_turn: Cell::new(None),
        })
    }

    #[track_caller]
    fn check(&self) {
        assert!(
            self.handle.is_current(),
            "this worker has gone, since the test made another Bench after it was started"
        );
    }

    /// What is plugged in.
    pub fn bench(&self) -> &Bench {
        &self.bench
    }

    /// The events that were emitted, since they were last asked for.
    pub fn events(&self) -> Vec<Event> {
        self.bench.events()
    }

    /// What was logged, since it was last asked for.
    pub fn log(&self) -> Vec<LogLine> {
        self.bench.log()
    }

    /// Lets the loop turn once, and returns what the turn returned; a turn that was under way is finished.
    ///
    /// # Errors
    /// What the loop returned.
    #[track_caller]
    pub fn turn(&self) -> Result<()> {
        self.check();
        let result = block_on(self.turning());
        self.turned();
        result
    }

    /// Lets the worker run for so long as under a host: its loop turns, with the pauses between, and what
    /// was begun goes on. A turn that is not over then goes on the next time.
    #[track_caller]
    pub fn run_for(&self, time: Duration) -> Turns {
        self.check();
        let mut turns = Turns::default();
        let mut end = Box::pin(Sleep::new(time));
        let mut looping = Box::pin(async {
            loop {
                self.pause().await;
                let result = self.turning().await;
                self.turned();
                turns.ended += 1;
                turns.errors.extend(result.err());
            }
        });
        block_on(poll_fn(|cx| {
            let over = end.as_mut().poll(cx);
            // It has no end of its own.
            let _: Poll<()> = looping.as_mut().poll(cx);
            over
        }));
        drop(looping);
        turns
    }

    async fn turning(&self) -> Result<()> {
        let result = poll_fn(|cx| {
            let mut open = self.open_turn.borrow_mut();
            let turn = open.get_or_insert_with(|| {
                Box::pin(async { Only::<W>::loop_().await.map_err(Into::into) })
            });
            turn.as_mut().poll(cx)
        })
        .await;
        self.open_turn.replace(None);
        result
    }

    /// Waits until the next turn is due, whatever the worker says about that meanwhile.
    async fn pause(&self) {
        loop {
            let due = self.due();
            let mut sleep = pin!(Sleep::until(due));
            poll_fn(|cx| {
                let looping = cx.waker().clone();
                self.bench.inner().looping.replace(Some(looping));
                if self.due() != due || due <= clock::now() {
                    return Poll::Ready(());
                }
                sleep.as_mut().poll(cx)
            })
            .await;
            if self.due() <= clock::now() {
                return;
            }
        }
    }

    fn due(&self) -> Duration {
        let next = match self.last_turn.get() {
            Some(last) if self.open_turn.borrow().is_none() => last + self.delay(),
            _ => Duration::ZERO,
        };
        let pause = self.bench.inner().pause.get();
        pause.unwrap_or_default().max(next)
    }

    /// The pause between two turns.
    fn delay(&self) -> Duration {
        let asked = self.bench.inner().delay.get();
        asked.unwrap_or_else(|| Duration::from_millis(W::class().loop_delay_ms.into()))
    }

    fn turned(&self) {
        self.last_turn.set(Some(clock::now()));
    }

    /// Changes the configuration: the fields that are given, as a client does.
    ///
    /// # Errors
    /// When the result is not as the schema says, or `update_config` refuses it; the old one is in force
    /// then.
    #[track_caller]
    pub fn configure(&self, change: impl Serialize) -> Result<()> {
        self.check();
        let schema = serde_json::from_str(&W::class().config_schema)?;
        let mut config = self.config.borrow().clone();
        match (&mut config, serde_json::to_value(change)?) {
            (JsonValue::Object(config), JsonValue::Object(change)) => config.extend(change),
            _ => return Err(Error::invalid_config("a configuration is a JSON object")),
        }
        let config = schema::complete(&schema, config)?;
        block_on(Only::<W>::update_config(config.to_string()))?;
        self.config.replace(config);
        Ok(())
    }

    /// Calls a node, a method by its name or a node of the shelf by its path, and waits for the outputs.
    ///
    /// # Errors
    /// What the node returned, and what is wrong with the inputs.
    pub fn call(&self, node: &str, inputs: impl CallInputs) -> Result<Outputs> {
        self.begin(node, inputs)?.finish()
    }

    /// Begins a call, which goes on whenever the test waits for something.
    ///
    /// # Errors
    /// When the inputs are nothing that a call could have.
    #[track_caller]
    pub fn begin(&self, node: &str, inputs: impl CallInputs) -> Result<OpenCall> {
        self.check();
        let id = self.next_call.replace(self.next_call.get() + 1);
        let info = CallInfo {
            id,
            node: node.to_owned(),
            caller: Some(NODE.to_owned()),
        };
        let calling = Only::<W>::call(info, inputs.into_inputs()?);
        let calling = async { calling.await.map_err(Into::into) };
        Ok(OpenCall::begin(calling, move || Only::<W>::cancel(id)))
    }

    /// The paths of the nodes on the shelf: what `get_nodeshelf` gives now.
    #[track_caller]
    pub fn shelf(&self) -> Vec<String> {
        self.check();
        let shelves = Only::<W>::get_nodeshelf().unwrap_or_default();
        let mut paths: Vec<String> = Vec::new();
        let mut nodes = Vec::new();
        for shelf in shelves {
            let parent = shelf.parent.and_then(|parent| paths.get(parent as usize));
            let path = match parent {
                Some(parent) => format!("{parent}/{}", shelf.name),
                None => shelf.name,
            };
            nodes.extend(
                shelf
                    .nodes
                    .iter()
                    .map(|node| format!("{path}/{}", node.name)),
            );
            paths.push(path);
        }
        nodes
    }

    /// What the worker changed in an input of the nodes that were made from `method`. In a test there is
    /// one of each method.
    pub fn input(&self, method: &str, input: &str) -> InputChanges {
        self.changes(method, true, input)
    }

    /// The same for nodes yet to be made: what it set with `nodeclass()`.
    pub fn new_input(&self, method: &str, input: &str) -> InputChanges {
        self.changes(method, false, input)
    }

    fn changes(&self, method: &str, made: bool, input: &str) -> InputChanges {
        let nodes = self.bench.inner().nodes.borrow();
        let inputs = nodes.get(&(method.to_owned(), made));
        let changes = inputs.and_then(|inputs| inputs.get(input));
        changes.cloned().unwrap_or_default()
    }

    /// Whether the worker asked its host to end it.
    pub fn stops(&self) -> bool {
        self.bench.inner().stops.get()
    }

    /// Whether the loop pauses because the worker said so.
    pub fn is_paused(&self) -> bool {
        let pause = self.bench.inner().pause.get();
        pause.is_some_and(|until| until > clock::now())
    }

    /// The state that the hook `save` returns.
    ///
    /// # Errors
    /// What the hook returned.
    #[track_caller]
    pub fn save(&self) -> Result<Vec<u8>> {
        self.check();
        Ok(block_on(Only::<W>::save())?)
    }

    /// Saves, stops and starts again with the same configuration and the saved state, as a host does for
    /// a new version of the component. What is plugged in stays.
    ///
    /// # Errors
    /// What `save`, `start` and `restore` returned.
    pub fn restart(self) -> Result<Self> {
        let state = self.save()?;
        let (bench, config) = (self.bench.clone(), self.config.borrow().clone());
        self.stop();
        let state = (!state.is_empty()).then_some(state);
        Self::start(&bench, config, state.as_deref())
    }

    /// Ends the worker as a host does: what waits is dropped, then the hook `stop` runs.
    #[track_caller]
    pub fn stop(self) {
        self.check();
        let turn = self.open_turn.take();
        block_on(async {
            let mut stopping = Box::pin(Only::<W>::stop());
            let mut turn = turn;
            poll_fn(|cx| {
                // The turn has to hear that it is over.
                let stopped = stopping.as_mut().poll(cx);
                if let Some(open) = &mut turn
                    && open.as_mut().poll(cx).is_ready()
                {
                    turn = None;
                }
                stopped
            })
            .await;
        });
    }
}

impl<W: Worker> Deref for Running<W> {
    type Target = W;

    fn deref(&self) -> &W {
        &self.worker
    }
}

impl<W: Worker> Drop for Running<W> {
    fn drop(&mut self) {
        drop(self.open_turn.take());
        if self.handle.is_current() {
            clock::forget_tasks();
            export::reset();
        }
    }
}

/// How the loop went.
#[derive(Debug, Default)]
pub struct Turns {
    /// How many turns ended.
    pub ended: u32,
    /// The errors of those that failed.
    pub errors: Vec<Error>,
}
