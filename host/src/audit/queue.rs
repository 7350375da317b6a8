//! What waits to be written: bounded, filled by anybody without waiting, emptied by the writer.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::record::{Kind, Record};
use super::{AppendError, Unhealthy};

/// Told when its record is on disk, or why it will not be.
pub(super) type Done = Box<dyn FnOnce(Result<(), AppendError>) + Send>;

/// A record that waits.
pub(super) struct Queued {
    pub(super) at: SystemTime,
    pub(super) record: Record,
    pub(super) done: Option<Done>,
    /// What it counts of the queue's bytes; `None`: the log's own, which does not count.
    weight: Option<usize>,
}

impl Queued {
    /// A record of the log's own, which nobody waits for and no bound keeps out.
    pub(super) fn own(record: Record) -> Self {
        Self {
            at: SystemTime::now(),
            record,
            done: None,
            weight: None,
        }
    }
}

/// Shared by the writer and everybody else.
pub(super) struct Queue {
    state: Mutex<State>,
    wake: Condvar,
    max_records: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Queued>,
    /// Of what waits, what the writer has taken and not written included.
    records: usize,
    bytes: usize,
    /// Records that were not taken since the last one that says so.
    lost: u64,
    /// The writer waits for a word.
    idle: bool,
    /// Somebody waits for the disk: no pause now.
    hurry: bool,
    closing: bool,
    ended: bool,
    trouble: Option<Unhealthy>,
}

impl State {
    /// A record that says how many are missing here, where some are.
    fn gap(&mut self) -> Option<Queued> {
        let lost = std::mem::take(&mut self.lost);
        if lost == 0 {
            return None;
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.lost = trouble.lost.saturating_add(lost);
        }
        let gap = Record::new(Kind::Gap).lost(lost);
        Some(Queued::own(gap.reason("the queue of the log was full")))
    }
}

/// Puts a gap behind what waits. Nothing comes between two of them where nothing had room: they are one.
fn extend(pending: &mut VecDeque<Queued>, gap: Queued) {
    let more = gap.record.lost.unwrap_or(0);
    let last = pending.back_mut().filter(|last| last.weight.is_none());
    match last.and_then(|last| last.record.lost.as_mut()) {
        Some(lost) => *lost = lost.saturating_add(more),
        None => pending.push_back(gap),
    }
}

impl Queue {
    pub(super) fn new(max_records: usize, max_bytes: usize) -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            max_records,
            max_bytes,
        }
    }

    /// Takes a record, or counts it as lost.
    pub(super) fn push(&self, record: Record) {
        let weight = record.weight();
        let mut state = self.lock();
        if !self.has_room(&state, weight) {
            state.lost = state.lost.saturating_add(1);
            return;
        }
        self.put(state, record, weight, None);
    }

    /// Takes a record that somebody waits for, or says why not.
    pub(super) fn push_durable(&self, record: Record, done: Done) {
        let weight = record.weight();
        let mut state = self.lock();
        let refused = match () {
            () if state.ended || state.closing => Some(AppendError::Closed),
            () if !self.has_room(&state, weight) => Some(AppendError::Full),
            () => None,
        };
        if let Some(error) = refused {
            drop(state);
            return done(Err(error));
        }
        state.hurry = true;
        self.put(state, record, weight, Some(done));
        // It may be in a pause, where it waits for nothing else.
        self.wake.notify_one();
    }

    fn has_room(&self, state: &State, weight: usize) -> bool {
        !state.ended
            && state.records < self.max_records
            && state.bytes.saturating_add(weight) <= self.max_bytes
    }

    fn put(
        &self,
        mut state: MutexGuard<'_, State>,
        record: Record,
        weight: usize,
        done: Option<Done>,
    ) {
        state.records += 1;
        state.bytes += weight;
        let gap = state.gap();
        state.queue.extend(gap);
        // Under the lock: stamps are in the order of the queue, as far as the clock is.
        state.queue.push_back(Queued {
            at: SystemTime::now(),
            record,
            done,
            weight: Some(weight),
        });
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        // A word costs a system call, which most records can do without.
        if idle {
            self.wake.notify_one();
        }
    }

    /// Moves everything that waits into `pending`; with nothing there, waits for it, unless something else is
    /// `due`. `true`: it is the last.
    pub(super) fn take(&self, pending: &mut VecDeque<Queued>, due: bool) -> bool {
        let mut state = self.lock();
        let due = due || !pending.is_empty();
        while !due && state.queue.is_empty() && state.lost == 0 && !state.closing {
            state.idle = true;
            state = self
                .wake
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.idle = false;
        state.hurry = false;
        if pending.is_empty() {
            // Both keep what they have grown to, so that nobody's record waits for memory.
            std::mem::swap(pending, &mut state.queue);
        } else {
            pending.append(&mut state.queue);
        }
        if let Some(gap) = state.gap() {
            extend(pending, gap);
        }
        state.closing
    }

    /// Waits until it is time to try again: after `pause`, when somebody waits, or at the end.
    pub(super) fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.lock();
        while !state.closing && !state.hurry {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.wake.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Makes room: these are written, or are given up.
    pub(super) fn release<'a>(&self, gone: impl Iterator<Item = &'a Queued>) {
        let (mut records, mut bytes) = (0_usize, 0_usize);
        for weight in gone.filter_map(|queued| queued.weight) {
            records += 1;
            bytes += weight;
        }
        let mut state = self.lock();
        state.records = state.records.saturating_sub(records);
        state.bytes = state.bytes.saturating_sub(bytes);
    }

    /// Writing fails. Whether that is news.
    pub(super) fn fail(&self, why: &str) -> bool {
        let mut state = self.lock();
        match &mut state.trouble {
            Some(trouble) => {
                why.clone_into(&mut trouble.why);
                false
            }
            trouble => {
                *trouble = Some(Unhealthy {
                    since: SystemTime::now().into(),
                    why: why.to_owned(),
                    waiting: 0,
                    lost: 0,
                });
                true
            }
        }
    }

    /// Writing works. Whether it did not before.
    pub(super) fn recover(&self) -> bool {
        self.lock().trouble.take().is_some()
    }

    pub(super) fn health(&self) -> Result<(), Unhealthy> {
        let state = self.lock();
        let Some(trouble) = &state.trouble else {
            return Ok(());
        };
        Err(Unhealthy {
            waiting: state.records,
            lost: trouble.lost.saturating_add(state.lost),
            ..trouble.clone()
        })
    }

    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    /// The writer is gone, however it went. What waits is given up: nobody waits in vain.
    pub(super) fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        let left = std::mem::take(&mut state.queue);
        drop(state);
        for done in left.into_iter().filter_map(|queued| queued.done) {
            done(Err(AppendError::Closed));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
