//! What the writer's thread and everybody else share: the dirty set, and how far commits have come.

use std::collections::BTreeSet;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::{Dirty, Source, States, StoreError};
use crate::limits::GUEST_SAVE_PAUSE;

#[derive(Debug)]
pub(super) struct Shared {
    pending: Mutex<Pending>,
    wake: Condvar,
    progress: watch::Sender<Progress>,
}

#[derive(Default)]
struct Pending {
    dirty: BTreeSet<Dirty>,
    /// What is dirty and waits for more of its kind, and until when.
    later: BTreeSet<Dirty>,
    due: Option<Instant>,
    /// Counts the calls that marked something.
    marks: u64,
    closing: bool,
    source: Option<Weak<dyn Source>>,
    /// The snapshots that are wanted.
    snapshots: Vec<Wanted>,
}

/// A snapshot that somebody waits for.
pub(super) struct Wanted {
    /// What guests say of themselves now.
    pub(super) states: States,
    /// Where it is told that it is taken, or why not; whoever asked may have gone.
    pub(super) taken: oneshot::Sender<Result<(), StoreError>>,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} things, mark {}", self.dirty.len(), self.marks)
    }
}

impl Pending {
    /// What has waited long enough is dirty like the rest; at the end, and for a snapshot, everything has.
    fn fall_due(&mut self, now: Instant) {
        let is_all = self.closing || !self.snapshots.is_empty();
        if is_all || self.due.is_some_and(|due| due <= now) {
            self.due = None;
            let later = mem::take(&mut self.later);
            self.dirty.extend(later);
        }
    }
}

/// How far the writer has come.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// Everything up to this mark is committed.
    committed: u64,
    /// The last commit that failed: up to which mark, and why.
    failure: Option<(u64, StoreError)>,
    /// Counts the commits that failed.
    failures: u64,
    /// The writer's thread is gone.
    ended: bool,
}

/// What the writer has to do next.
pub(super) struct Work {
    /// What to commit.
    pub(super) dirty: BTreeSet<Dirty>,
    /// Up to which mark this is everything.
    pub(super) mark: u64,
    /// Who to ask.
    pub(super) source: Option<Weak<dyn Source>>,
    /// Who waits for a snapshot of what is committed then.
    pub(super) snapshots: Vec<Wanted>,
    /// This is the last work.
    pub(super) last: bool,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            pending: Mutex::default(),
            wake: Condvar::new(),
            progress: watch::Sender::new(Progress::default()),
        }
    }
}

impl Shared {
    pub(super) fn attach(&self, source: Weak<dyn Source>) {
        self.lock().source = Some(source);
        self.wake.notify_one();
    }

    pub(super) fn mark(&self, what: impl IntoIterator<Item = Dirty>) {
        // A caller's iterator may be slow, or mark things itself: not under the lock.
        let what: Vec<Dirty> = what.into_iter().collect();
        if what.is_empty() {
            return;
        }
        let mut pending = self.lock();
        pending.dirty.extend(what);
        pending.marks += 1;
        drop(pending);
        self.wake.notify_one();
    }

    /// Marks what nobody waits for: it is committed with whatever else is marked so within a pause.
    pub(super) fn mark_later(&self, what: Dirty) {
        let mut pending = self.lock();
        pending.later.insert(what);
        if pending.due.is_none() {
            pending.due = Some(Instant::now() + GUEST_SAVE_PAUSE);
            drop(pending);
            self.wake.notify_one();
        }
    }

    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.wake.notify_one();
    }

    /// Waits until there is something to commit and somebody to ask, or the end has come.
    pub(super) fn next(&self) -> Work {
        let mut pending = self.lock();
        loop {
            pending.fall_due(Instant::now());
            let has_work = !pending.dirty.is_empty() && pending.source.is_some();
            if pending.closing || has_work || !pending.snapshots.is_empty() {
                break;
            }
            let due = pending.due.filter(|_| pending.source.is_some());
            let wait = due.map_or(Duration::MAX, |due| due.duration_since(Instant::now()));
            let waited = self.wake.wait_timeout(pending, wait);
            pending = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Work {
            dirty: mem::take(&mut pending.dirty),
            mark: pending.marks,
            source: pending.source.clone(),
            snapshots: mem::take(&mut pending.snapshots),
            last: pending.closing,
        }
    }

    pub(super) fn committed(&self, mark: u64) {
        self.progress.send_modify(|progress| {
            progress.committed = mark;
            progress.failure = None;
        });
    }

    /// Gives back what could not be committed.
    pub(super) fn failed(&self, work: Work, error: StoreError) {
        self.lock().dirty.extend(work.dirty);
        self.progress.send_modify(|progress| {
            progress.failure = Some((work.mark, error));
            progress.failures += 1;
        });
    }

    /// Waits for `pause`, or until the end has come.
    pub(super) fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut pending = self.lock();
        while !pending.closing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            pending = self
                .wake
                .wait_timeout(pending, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Has a snapshot taken once everything that is dirty now is committed.
    pub(super) fn snapshot(&self, states: States) -> oneshot::Receiver<Result<(), StoreError>> {
        let (taken, told) = oneshot::channel();
        let mut pending = self.lock();
        // At the end nobody answers, which the dropped end of the channel says.
        if !pending.closing {
            pending.snapshots.push(Wanted { states, taken });
        }
        drop(pending);
        self.wake.notify_one();
        told
    }

    pub(super) fn end(&self) {
        let mut pending = self.lock();
        pending.closing = true;
        pending.snapshots.clear();
        drop(pending);
        self.progress.send_modify(|progress| progress.ended = true);
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until everything marked by now is committed, or a commit of it failed.
pub(super) fn saved(
    shared: &Arc<Shared>,
) -> impl Future<Output = Result<(), StoreError>> + Send + 'static + use<> {
    // Before the mark is read: what fails after that is about what this caller marked.
    let mut progress = shared.progress.subscribe();
    let failures = progress.borrow_and_update().failures;
    let mark = shared.lock().marks;
    async move {
        let decided = |now: &Progress| {
            now.committed >= mark || now.ended || failed_since(now, mark, failures).is_some()
        };
        let now = progress
            .wait_for(decided)
            .await
            .map_err(|_gone| StoreError::Closed)?;
        if now.committed >= mark {
            Ok(())
        } else if let Some(error) = failed_since(&now, mark, failures) {
            Err(error)
        } else {
            Err(StoreError::Closed)
        }
    }
}

fn failed_since(now: &Progress, mark: u64, failures: u64) -> Option<StoreError> {
    let (failed, error) = now.failure.as_ref()?;
    (now.failures > failures && *failed >= mark).then(|| error.clone())
}

/// Waits until the writer's thread is gone.
pub(super) async fn ended(shared: &Arc<Shared>) -> Result<(), StoreError> {
    let mut progress = shared.progress.subscribe();
    let now = progress
        .wait_for(|now| now.ended)
        .await
        .map_err(|_gone| StoreError::Closed)?;
    match &now.failure {
        Some((_, error)) => Err(error.clone()),
        None => Ok(()),
    }
}
