//! How values and triggers flow: the state machine of runs.
//!
//! - A trigger makes a task at once; the task reads the inputs when it starts. What is set in
//!   between is part of that run, and a trigger in between is that trigger.
//! - A node that is triggered while it runs runs once more afterwards, with what is there then.
//! - A run feeds all of its outputs before it triggers anyone. Of what it triggers, a node that
//!   others feed which are yet to run in the same wave waits for them, so that the join of a
//!   diamond runs once. It does not wait for one that is still busy with an earlier wave, and no
//!   longer than until another wave reaches it: a branch that hangs holds a join once at most.
//! - Lap after lap of a cycle is a task each, in a wave of its own: nobody waits for a cycle.
//!
//! There is no delay that collects triggers: a run waits for nothing but its wave.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;

use super::class::{Ports, Run};
use super::error::{GraphError, Result};
use super::event::{Dirty, GraphEvent};
use super::graph::{Graph, Start};
use super::io::{Key, Pin, TRIGGER_INPUT, TRIGGER_OUTPUT};
use super::node::{Node, State, Wave};
use super::types::Type;
use super::value::{SharedValue, Value};
use crate::limits::{FAST_RUN, MAX_JOIN_SEARCH};

/// A run that begins.
pub(super) struct Job {
    pub run: Arc<dyn Run>,
    pub node: Arc<str>,
    pub inputs: Ports,
    /// Ends when nobody takes what comes of it any more: a client that removes a node takes its run along.
    pub wanted: oneshot::Receiver<()>,
}

impl Graph {
    /// Sets an input, as a client does: it is told, passed on to where it is forwarded, and
    /// triggers. `None` takes the value away, so that the default is in force.
    pub fn set_value(
        &mut self,
        node: &str,
        io: &str,
        value: Option<SharedValue>,
        as_default: bool,
    ) -> Result<()> {
        self.set_values(node, vec![(io.to_owned(), value)], as_default)
    }

    /// [`Graph::set_value`] of several inputs: all or none, and one trigger.
    pub fn set_values(
        &mut self,
        node: &str,
        values: Vec<(String, Option<SharedValue>)>,
        as_default: bool,
    ) -> Result<()> {
        let key = self.key(node)?;
        let node = self.node(node)?;
        let mut checked = VecDeque::new();
        for (io, value) in values {
            let index = node.find_input(&io)?;
            let slot = node.inputs.get(index);
            let check = |value| {
                slot.map(|slot| slot.check(&node.id, &value, &self.ready))
                    .transpose()
            };
            let value = value.map(check).transpose()?.flatten();
            checked.push_back((input(key, index), value));
        }
        if as_default {
            let node = Arc::clone(&node.id);
            for (pin, value) in &checked {
                self.take_as_default(*pin, value.clone());
            }
            self.dirty(Dirty::Node(node));
        }
        let wave = self.tick();
        let mut triggered = Vec::new();
        self.feed(checked, true, &mut triggered);
        self.request(triggered, wave);
        Ok(())
    }

    /// Sets an input as the class of its node does. It says whether that triggers the node as a client would: a
    /// device whose state is shown at the input that commands it would else be commanded without end. A value
    /// that is there already triggers nothing.
    pub fn set_by_class(
        &mut self,
        node: &str,
        io: &str,
        value: &SharedValue,
        triggers: bool,
    ) -> Result<()> {
        let key = self.key(node)?;
        let node = self.node(node)?;
        let index = node.find_input(io)?;
        let Some(slot) = node.inputs.get(index) else {
            return Err(GraphError::no_io(&node.id, io, "input"));
        };
        let value = slot.check(&node.id, value, &self.ready)?;
        // A run that waits for the input is not this value's doing.
        let triggers = node.requests_trigger || (triggers && slot.value.as_ref() != Some(&value));
        let wave = self.tick();
        let mut triggered = Vec::new();
        let pins = VecDeque::from([(input(key, index), Some(value))]);
        self.feed(pins, true, &mut triggered);
        triggered.retain(|other| triggers || *other != key);
        self.request(triggered, wave);
        Ok(())
    }

    fn take_as_default(&mut self, pin: Pin, value: Option<SharedValue>) {
        let node = self.nodes.get_mut(&pin.node);
        if let Some(slot) = node.and_then(|node| node.inputs.get_mut(pin.index)) {
            slot.default = value.or_else(|| slot.class_default.clone());
        }
    }

    /// Sets inputs, and those that they forward to. Notes in `triggered` who may want to run.
    pub fn feed(
        &mut self,
        mut pins: VecDeque<(Pin, Option<SharedValue>)>,
        triggers: bool,
        triggered: &mut Vec<Key>,
    ) {
        let now = self.tick();
        while let Some((pin, value)) = pins.pop_front() {
            let Some(node) = self.nodes.get_mut(&pin.node) else {
                continue;
            };
            let Some(slot) = node.inputs.get_mut(pin.index) else {
                continue;
            };
            let checked = value
                .as_ref()
                .map(|value| slot.check(&node.id, value, &self.ready));
            let (node_id, io) = (Arc::clone(&node.id), Arc::clone(&slot.id));
            let stored = match checked.transpose() {
                Ok(stored) => stored,
                Err(refused) => {
                    let message = refused.to_string();
                    node.error = Some(message.clone());
                    let node = node_id;
                    self.effects
                        .events
                        .push(GraphEvent::NodeError { node, message });
                    continue;
                }
            };
            let old = std::mem::replace(&mut slot.value, stored);
            self.effects.garbage.extend(old);
            slot.changed = now;
            if slot.emits {
                let (node, value) = (node_id, slot.effective().cloned());
                self.effects
                    .events
                    .push(GraphEvent::Value { node, io, value });
            }
            pins.extend(slot.targets.iter().map(|target| (*target, value.clone())));
            // An input that does not trigger may be the one that a trigger waits for.
            if triggers && (slot.does_trigger || node.requests_trigger) {
                triggered.push(pin.node);
            }
        }
    }

    /// Triggers nodes, all as part of `wave`. One that is not ready remembers it.
    pub fn request(&mut self, keys: Vec<Key>, wave: Wave) {
        let mut queued = Vec::new();
        for key in keys {
            let Some(node) = self.nodes.get_mut(&key) else {
                continue;
            };
            match node.state {
                _ if node.class.is_none() => {}
                State::Running { again: Some(_), .. } | State::Queued { .. } => {}
                State::Running {
                    wave: runs_in,
                    since,
                    again: None,
                } => {
                    node.state = State::Running {
                        wave: runs_in,
                        since,
                        again: Some(wave),
                    }
                }
                State::Waiting { wave: first, .. } if first == wave => {}
                State::Waiting { wave, .. } => {
                    node.state = State::Queued { wave };
                    self.start(key);
                }
                State::Idle if !node.is_ready() => node.requests_trigger = true,
                State::Idle => {
                    let lap = node.last_wave == wave;
                    node.requests_trigger = false;
                    node.state = State::Queued { wave };
                    self.active += 1;
                    if lap {
                        self.begin_wave(key);
                    }
                    queued.push(key);
                }
            }
        }
        for key in queued {
            self.start_or_wait(key);
        }
    }

    fn begin_wave(&mut self, key: Key) {
        let wave = self.tick();
        if let Some(node) = self.nodes.get_mut(&key) {
            node.state = State::Queued { wave };
        }
    }

    fn start_or_wait(&mut self, key: Key) {
        let on = self.blocker(key);
        let Some(node) = self.nodes.get_mut(&key) else {
            return;
        };
        let (State::Queued { wave } | State::Waiting { wave, .. }) = node.state else {
            return;
        };
        match on {
            Some(on) => {
                node.state = State::Waiting { wave, on };
                if let Some(on) = self.nodes.get_mut(&on) {
                    on.waiters.push(key);
                }
            }
            None => {
                node.state = State::Queued { wave };
                self.start(key);
            }
        }
    }

    fn start(&mut self, key: Key) {
        let task = self.tick();
        if let Some(node) = self.nodes.get_mut(&key) {
            node.task = task;
            let run = node.class.as_ref().map(|class| Arc::clone(&class.run));
            self.effects.start.push(Start { key, task, run });
        }
    }

    /// A node that is yet to run in the wave of `key` and whose result will reach it. Only a node
    /// that several others feed can have one that is not done: whoever feeds it alone waited.
    fn blocker(&self, key: Key) -> Option<Key> {
        let node = self.nodes.get(&key)?;
        let (State::Queued { wave } | State::Waiting { wave, .. }) = node.state else {
            return None;
        };
        let mut direct = node.sources().map(|pin| pin.node);
        let first = direct.next()?;
        if direct.all(|other| other == first) {
            return None;
        }
        let mut seen = HashSet::from([key]);
        let mut next: Vec<Key> = node.sources().map(|pin| pin.node).collect();
        while let Some(upstream) = next.pop() {
            if !seen.insert(upstream) {
                continue;
            }
            if seen.len() > MAX_JOIN_SEARCH {
                return None;
            }
            let Some(node) = self.nodes.get(&upstream) else {
                continue;
            };
            if node.state.is_active_in(wave) && !self.waits_for(upstream, key) {
                return Some(upstream);
            }
            next.extend(node.sources().map(|pin| pin.node));
        }
        None
    }

    /// Whether `node` waits for `other`, directly or through those that it waits for.
    fn waits_for(&self, node: Key, other: Key) -> bool {
        let mut at = node;
        for _ in 0..MAX_JOIN_SEARCH {
            match self.nodes.get(&at).map(|node| node.state) {
                Some(State::Waiting { on, .. }) if on == other => return true,
                Some(State::Waiting { on, .. }) => at = on,
                _ => return false,
            }
        }
        // A chain too long to follow may lead there.
        true
    }

    /// The task `task` of a node starts: what it is to run, on what. `None`: nothing any more.
    pub fn begin(&mut self, key: Key, task: u64) -> Option<Job> {
        let since = self.tick();
        let node = self.nodes.get_mut(&key)?;
        let State::Queued { wave } = node.state else {
            return None;
        };
        if node.task != task {
            return None;
        }
        let class = node.class.as_ref().filter(|_| node.missing().is_none());
        let Some(class) = class else {
            // An input was taken away in between.
            node.requests_trigger = true;
            self.settle_state(key);
            return None;
        };
        let run = Arc::clone(&class.run);
        let given = node.inputs.iter().filter(|slot| &*slot.id != TRIGGER_INPUT);
        let given =
            given.filter_map(|slot| Some((Arc::clone(&slot.id), slot.effective()?.clone())));
        let inputs = given.collect();
        node.last_wave = wave;
        node.state = State::Running {
            wave,
            since,
            again: None,
        };
        let (wants, wanted) = oneshot::channel();
        node.wants_run = Some(wants);
        let node_id = Arc::clone(&node.id);
        let events = &mut self.effects.events;
        if node.fast {
            events.push(GraphEvent::TriggerFast { node: node_id });
        } else {
            let node = Arc::clone(&node_id);
            events.push(GraphEvent::Progress {
                node,
                what: "triggering".into(),
                fraction: None,
                elapsed: 0.0,
            });
            events.push(GraphEvent::TriggerStart { node: node_id });
        }
        let node = Arc::clone(&node.id);
        Some(Job {
            run,
            node,
            inputs,
            wanted,
        })
    }

    /// The task `task` of a node ended. A task that is not the node's any more is not heard.
    pub fn finish(
        &mut self,
        key: Key,
        task: u64,
        result: Result<Ports, String>,
        elapsed: Duration,
    ) {
        let Some(node) = self.nodes.get(&key).filter(|node| node.task == task) else {
            return;
        };
        let State::Running { wave, since, again } = node.state else {
            return;
        };
        let mut triggered = Vec::new();
        let failure = match result {
            Ok(outputs) => {
                let refused = self.deliver(key, outputs, since, &mut triggered);
                refused.err()
            }
            Err(message) => Some(message),
        };
        self.tell_end(key, failure, elapsed);
        if let Some(node) = self.nodes.get_mut(&key) {
            node.state = State::Idle;
            self.active = self.active.saturating_sub(1);
        }
        self.request(triggered, wave);
        if let Some(wave) = again {
            self.request(vec![key], wave);
        }
        self.wake_waiters(key);
    }

    /// Sets the outputs and feeds them, uses the inputs up if they are to be, and says when. The error is a
    /// sentence about the first output that may not have its value; nothing is set then.
    fn deliver(
        &mut self,
        key: Key,
        outputs: Ports,
        since: u64,
        triggered: &mut Vec<Key>,
    ) -> Result<(), String> {
        let admitted = |(io, value): (Arc<str>, SharedValue)| {
            let outputs = self.nodes.get(&key).map(|node| node.outputs.as_slice());
            let mut outputs = outputs.unwrap_or_default().iter();
            let value = match outputs.find(|slot| slot.id == io) {
                Some(slot) => {
                    let refused = |problem| format!("the output `{io}` {problem}");
                    slot.admit(value).map_err(refused)?
                }
                None => value,
            };
            Ok((io, value))
        };
        let outputs = outputs.into_iter().map(admitted);
        for (io, value) in outputs.collect::<Result<Ports, String>>()? {
            if &*io != TRIGGER_OUTPUT {
                self.set_output(key, &io, value, triggered);
            }
        }
        self.use_up(key, since);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0.0, |now| now.as_secs_f64());
        self.set_output(
            key,
            TRIGGER_OUTPUT,
            SharedValue::new(Value::Number(now)),
            triggered,
        );
        Ok(())
    }

    fn set_output(&mut self, key: Key, io: &str, value: SharedValue, triggered: &mut Vec<Key>) {
        let Some(node) = self.nodes.get_mut(&key) else {
            return;
        };
        let Some(slot) = node.outputs.iter_mut().find(|slot| &*slot.id == io) else {
            return;
        };
        self.effects
            .garbage
            .extend(slot.value.replace(value.clone()));
        if slot.emits {
            self.effects.events.push(GraphEvent::Value {
                node: Arc::clone(&node.id),
                io: Arc::clone(&slot.id),
                value: Some(value.clone()),
            });
        }
        if !slot.targets.is_empty() {
            let targets = slot.targets.iter();
            let pins = targets.map(|pin| (*pin, Some(value.clone()))).collect();
            self.feed(pins, true, triggered);
        }
    }

    /// Takes away the inputs that the run which began at `since` has read, if the node is to.
    fn use_up(&mut self, key: Key, since: u64) {
        let Some(node) = self.nodes.get(&key).filter(|node| node.resets()) else {
            return;
        };
        let inputs = node.inputs.iter().enumerate();
        let read = inputs.filter(|(_, slot)| slot.changed <= since && slot.value.is_some());
        let pins = read.map(|(index, _)| (input(key, index), None)).collect();
        self.feed(pins, false, &mut Vec::new());
    }

    fn tell_end(&mut self, key: Key, failure: Option<String>, elapsed: Duration) {
        let Some(node) = self.nodes.get_mut(&key) else {
            return;
        };
        let was_fast = node.fast;
        if failure.is_none() {
            node.average = 0.9 * node.average + 0.1 * elapsed.as_secs_f64();
        }
        node.fast = node.average <= FAST_RUN.as_secs_f64();
        node.error.clone_from(&failure);
        let node_id = &node.id;
        let events = &mut self.effects.events;
        if !was_fast || elapsed > FAST_RUN {
            let node = Arc::clone(node_id);
            events.push(GraphEvent::TriggerDone { node });
        }
        let what = if failure.is_some() {
            "triggering"
        } else {
            "idle"
        };
        if let Some(message) = failure {
            let node = Arc::clone(node_id);
            events.push(GraphEvent::NodeError { node, message });
        }
        if !was_fast {
            let (node, elapsed) = (Arc::clone(node_id), elapsed.as_secs_f64());
            events.push(GraphEvent::Progress {
                node,
                what: what.into(),
                fraction: None,
                elapsed,
            });
        }
    }

    /// Tells how far the run of a node is, as it says itself.
    pub fn tell_progress(&mut self, node: &str, fraction: f64, what: String, elapsed: Duration) {
        let node = self.key(node).ok().and_then(|key| self.nodes.get_mut(&key));
        let Some(node) = node else {
            return;
        };
        if !matches!(node.state, State::Running { .. }) {
            return;
        }
        let events = &mut self.effects.events;
        // Whoever tells of itself is not quick: from now on this run is told of as a slow one is.
        if std::mem::take(&mut node.fast) {
            let node = Arc::clone(&node.id);
            events.push(GraphEvent::TriggerStart { node });
        }
        events.push(GraphEvent::Progress {
            node: Arc::clone(&node.id),
            what: what.into(),
            fraction: Some(fraction),
            elapsed: elapsed.as_secs_f64(),
        });
    }

    fn wake_waiters(&mut self, key: Key) {
        let node = self.nodes.get_mut(&key);
        let waiters = node.map(|node| std::mem::take(&mut node.waiters));
        for waiter in waiters.unwrap_or_default() {
            let state = self.nodes.get(&waiter).map(|node| node.state);
            if matches!(state, Some(State::Waiting { on, .. }) if on == key) {
                self.start_or_wait(waiter);
            }
        }
    }

    /// Makes a node idle, whatever it was doing: its task is not heard any more.
    pub fn settle_state(&mut self, key: Key) {
        if let Some(node) = self.nodes.get_mut(&key)
            && node.is_active()
        {
            node.state = State::Idle;
            node.task = 0;
            self.active = self.active.saturating_sub(1);
        }
        self.wake_waiters(key);
    }

    /// Triggers a node by hand, ready or else an error.
    pub fn trigger(&mut self, node: &str) -> Result<()> {
        let found = self.node(node)?;
        if !found.is_ready() {
            return Err(found.not_ready());
        }
        self.request_trigger(node)
    }

    /// Triggers a node by hand, now or when it is ready.
    pub fn request_trigger(&mut self, node: &str) -> Result<()> {
        let key = self.key(node)?;
        let found = self.node(node)?;
        if found.class.is_none() {
            return Err(found.not_ready());
        }
        let wave = self.tick();
        self.request(vec![key], wave);
        Ok(())
    }

    /// Triggers every node of a class. Answers how many there are.
    pub fn trigger_class(&mut self, class_id: &str) -> usize {
        let keys = self.by_class.get(class_id);
        let keys: Vec<_> = keys.into_iter().flatten().copied().collect();
        let (count, wave) = (keys.len(), self.tick());
        self.request(keys, wave);
        count
    }

    /// The types of the inputs that an output feeds, each once.
    pub fn fed_types(&self, key: Key, io: &str) -> Vec<Type> {
        let slots = self.nodes.get(&key).map(|node| node.outputs.iter());
        let slot = slots.into_iter().flatten().find(|slot| &*slot.id == io);
        let targets = slot.into_iter().flat_map(|slot| &slot.targets);
        let mut types: Vec<Type> = Vec::new();
        for ty in targets.filter_map(|pin| Some(&self.slot_at(*pin)?.ty)) {
            if !types.iter().any(|known| known.is(ty)) {
                types.push(ty.clone());
            }
        }
        types
    }

    /// Whether nothing of a node runs or is about to; a node that is gone is idle.
    pub fn is_idle(&self, node: &str) -> bool {
        !self.node(node).is_ok_and(Node::is_active)
    }
}

fn input(node: Key, index: usize) -> Pin {
    Pin {
        node,
        is_input: true,
        index,
    }
}
