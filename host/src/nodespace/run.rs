//! What happens outside of the lock: tasks that run nodes, and telling the observer, in order.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures_util::FutureExt;
use tokio::sync::Notify;

use super::WeakNodeSpace;
use super::event::{GraphEvent, Observer};
use super::flow::Job;
use super::graph::{Effects, Graph};
use super::io::{Key, Ready};
use super::value::SharedValue;
use crate::executor::Executor;
use crate::limits::{FAST_RUN, MAX_EVENTS_AT_ONCE, MAX_EVENTS_WAITING, MAX_NODE_ERROR_BYTES};
use crate::text;

/// What a node's runs are taken to last before the first: a little too long to be quick.
pub(super) const FIRST_AVERAGE: f64 = FAST_RUN.as_millis() as f64 * 1.1 / 1000.0;

/// A graph and what it needs to live.
pub(super) struct Inner {
    pub threads: Executor,
    pub observer: Arc<dyn Observer>,
    graph: Mutex<Graph>,
    outbox: Outbox,
    /// Told when those who wait may have what they wait for: not at every change, since each wakes
    /// all of them.
    quiet: Notify,
    all_idle: AtomicBool,
    node_waiters: AtomicUsize,
}

impl Inner {
    pub fn new(threads: Executor, observer: Arc<dyn Observer>) -> Self {
        Self {
            threads,
            observer,
            graph: Mutex::default(),
            outbox: Outbox::default(),
            quiet: Notify::new(),
            all_idle: AtomicBool::new(true),
            node_waiters: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Graph> {
        self.graph.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn read<T>(&self, look: impl FnOnce(&Graph) -> T) -> T {
        look(&self.lock())
    }

    /// Changes the graph, and does what comes of it.
    pub fn change<T>(self: &Arc<Self>, change: impl FnOnce(&mut Graph) -> T) -> T {
        self.change_with(Vec::new(), change)
    }

    /// [`Inner::change`] with values that were converted before.
    pub fn change_with<T>(
        self: &Arc<Self>,
        ready: Vec<Ready>,
        change: impl FnOnce(&mut Graph) -> T,
    ) -> T {
        let mut graph = self.lock();
        graph.ready = ready;
        let answer = change(&mut graph);
        let mut effects = std::mem::take(&mut graph.effects);
        effects.used = std::mem::take(&mut graph.ready);
        // Under the lock, so that events are in the order of the changes.
        let claim = self.outbox.put(&mut effects.events);
        self.all_idle.store(graph.active == 0, Ordering::SeqCst);
        drop(graph);
        self.settle(effects, claim.then(|| Claim(Some(Arc::clone(self)))));
        answer
    }

    fn settle(self: &Arc<Self>, effects: Effects, claim: Option<Claim>) {
        for what in effects.dirty {
            self.observer.dirty(what);
        }
        for start in effects.start {
            let standing = start.run.and_then(|run| run.standing());
            let standing = standing.unwrap_or_default();
            let run = run(Arc::clone(self), start.key, start.task);
            drop(self.threads.spawn_as(&standing, run));
        }
        for (run, node) in effects.detach {
            run.detached(&node);
        }
        for attach in effects.attach {
            let changes = attach.run.attached(&attach.node, WeakNodeSpace::of(self));
            self.change(|graph| graph.attached(&attach, changes));
        }
        if let Some(claim) = claim {
            claim.tell();
        }
        self.wake();
    }

    fn wake(&self) {
        if self.all_idle.load(Ordering::SeqCst) || self.node_waiters.load(Ordering::SeqCst) > 0 {
            self.quiet.notify_waiters();
        }
    }

    /// Waits until nothing runs or is about to, and everything was told.
    pub async fn until_idle(&self) {
        self.until(|graph| graph.active == 0).await;
    }

    /// [`Inner::until_idle`] of one node.
    pub async fn until_node_idle(&self, node: &str) {
        struct Waits<'a>(&'a AtomicUsize);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.node_waiters.fetch_add(1, Ordering::SeqCst);
        let _waits = Waits(&self.node_waiters);
        self.until(|graph| graph.is_idle(node)).await;
    }

    async fn until(&self, done: impl Fn(&Graph) -> bool) {
        loop {
            let quiet = self.quiet.notified();
            tokio::pin!(quiet);
            // From here on no change is missed.
            quiet.as_mut().enable();
            if self.read(&done) && self.outbox.is_empty() {
                return;
            }
            quiet.await;
        }
    }
}

/// One run of a node, from the reading of its inputs to the feeding of its outputs.
async fn run(inner: Arc<Inner>, key: Key, task: u64) {
    // An observer that cannot keep up slows the graph down instead of filling the memory.
    while inner.outbox.is_full() {
        tokio::task::yield_now().await;
    }
    let Some(job) = inner.change(|graph| graph.begin(key, task)) else {
        return;
    };
    let Job {
        run,
        node,
        inputs,
        wanted,
    } = job;
    let began = Instant::now();
    // The call itself may panic too, so it is made inside.
    let run = async move { run.run(&node, inputs).await };
    let result = tokio::select! {
        biased;
        result = AssertUnwindSafe(run).catch_unwind() => result,
        // What is dropped is cancelled.
        _ = wanted => return,
    };
    let result = match result {
        Ok(result) => result.map_err(|message| text::clean(&message, MAX_NODE_ERROR_BYTES)),
        Err(_) => Err("the node panicked while it ran".to_owned()),
    };
    let elapsed = began.elapsed();
    let ready = convert(&inner, key, result.as_deref().unwrap_or_default());
    inner.change_with(ready, |graph| graph.finish(key, task, result, elapsed));
}

/// Large outputs as the inputs take them that they are about to feed.
fn convert(inner: &Inner, key: Key, outputs: &[(Arc<str>, SharedValue)]) -> Vec<Ready> {
    let heavy = outputs.iter().filter(|(_, value)| value.is_heavy());
    let converted = heavy.flat_map(|(io, value)| {
        let types = inner.read(|graph| graph.fed_types(key, io));
        types.into_iter().map(|ty| Ready::new(value, ty))
    });
    converted.collect()
}

/// Events that were not told yet.
#[derive(Default)]
struct Outbox {
    queue: Mutex<Queue>,
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    events: Vec<GraphEvent>,
    /// Someone tells them right now.
    claimed: bool,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts events in. Whether the caller is the one to tell them.
    fn put(&self, events: &mut Vec<GraphEvent>) -> bool {
        if events.is_empty() {
            return false;
        }
        let mut queue = self.lock();
        queue.events.append(events);
        self.waiting.store(queue.events.len(), Ordering::Relaxed);
        !std::mem::replace(&mut queue.claimed, true)
    }

    /// The events that there are; when there are none the claim is given back.
    fn take(&self) -> Option<Vec<GraphEvent>> {
        let mut queue = self.lock();
        self.waiting.store(0, Ordering::Relaxed);
        queue.claimed = !queue.events.is_empty();
        queue.claimed.then(|| std::mem::take(&mut queue.events))
    }

    fn is_empty(&self) -> bool {
        let queue = self.lock();
        !queue.claimed && queue.events.is_empty()
    }

    fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > MAX_EVENTS_WAITING
    }
}

/// The claim of one who tells events. It goes back when an observer panics and when the task that
/// holds it is dropped.
struct Claim(Option<Arc<Inner>>);

impl Claim {
    /// Tells the observer what there is to tell. After much of it another task goes on, so that a
    /// busy graph does not hold whoever changed it last.
    fn tell(mut self) {
        let Some(inner) = self.0.clone() else {
            return;
        };
        let mut told = 0;
        while let Some(events) = inner.outbox.take() {
            told += events.len();
            for event in events {
                inner.observer.event(event);
            }
            if told > MAX_EVENTS_AT_ONCE {
                drop(inner.threads.spawn(async move { self.tell() }));
                return;
            }
        }
        // The last look into the outbox gave the claim back; another may have it by now.
        self.0 = None;
        inner.wake();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(inner) = &self.0 {
            inner.outbox.lock().claimed = false;
        }
    }
}
