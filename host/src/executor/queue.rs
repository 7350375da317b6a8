//! What waits to run: who used least of late goes first ([`super::lines`]), and makes who used more give way.
//!
//! Who used less than half of what the running task used makes it give way at once, by one tick of the
//! epoch. A task that is woken by a guest's thread stays with that thread and runs there next; a thread
//! that has nothing to do looks each millisecond whether that takes too long.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_task::Runnable;

use super::lines::{Account, Lines, Next, Waiting};
use super::usage::{Rank, Usage, Weight};

/// Nobody is interrupted again sooner than this.
const MIN_SLICE: Duration = Duration::from_micros(50);
/// How often a thread that has nothing to do looks whether one that has left something waiting. A task that
/// wakes another goes on for some microseconds as a rule, then runs it itself; waking a second thread
/// each time would cost more than the task.
const WATCH: Duration = Duration::from_millis(1);
/// How long after a caller was there one thread looks out for its next task instead of sleeping: a few times what a
/// short call takes, and about what waking a thread takes where its processor has gone to sleep.
const LINGER: Duration = Duration::from_micros(100);

thread_local! {
    /// Whose tasks this thread runs, and which of its threads it is.
    static WORKS_FOR: RefCell<Option<(Arc<Queue>, usize)>> = const { RefCell::new(None) };
}

/// Whether a task waits for this thread, or for another of the same executor.
pub fn someone_waits() -> bool {
    WORKS_FOR.with_borrow(|works_for| {
        works_for
            .as_ref()
            .is_some_and(|(queue, _)| queue.waiting.load(Ordering::Relaxed) > 0)
    })
}

pub(super) struct Queue {
    start: Instant,
    state: Mutex<State>,
    work: Condvar,
    /// How many tasks there are in `state`, to be read without its lock.
    waiting: AtomicUsize,
    /// When what runs was interrupted last, in nanoseconds since `start`.
    interrupted: AtomicU64,
    /// Until when a caller may come back, in nanoseconds since `start`.
    expected: AtomicU64,
    interrupt: Box<dyn Fn() + Send + Sync>,
}

struct State {
    tasks: Lines,
    pushed: u64,
    /// Of all strangers, who used most.
    heaviest: Rank,
    /// What each thread runs.
    running: Vec<Option<Running>>,
    idle: usize,
    /// Whether a thread looks out for the next task.
    lingers: bool,
    /// Whether one of the idle threads looks after what others leave.
    watched: bool,
    closed: bool,
}

/// What a thread runs, and since when.
#[derive(Clone)]
struct Running {
    account: Account,
    of_account: Weight,
    weight: Weight,
    since: Instant,
}

impl Running {
    /// Whether a task of `account` with `weight` goes before it even though it runs.
    fn is_overtaken(&self, account: &Account, weight: Weight, now: Instant) -> bool {
        let used = now.saturating_duration_since(self.since);
        if self.account.is(account) {
            return weight.overtakes(self.weight.and(used));
        }
        let of_this = self.account.usage().grown(self.of_account, used);
        account.usage().at(now).overtakes(of_this)
    }
}

/// What a new task needs, besides to wait.
enum Needs {
    Nothing,
    AThread,
    AnInterrupt,
}

impl State {
    /// `mine` is the thread that woke it, if it is one of these.
    fn needs(&self, account: &Account, weight: Weight, mine: Option<usize>, now: Instant) -> Needs {
        let overtaken = |running: &Running| running.is_overtaken(account, weight, now);
        let mine = mine.map(|thread| self.running.get(thread).and_then(Option::as_ref));
        if self.lingers && self.tasks.len() <= 1 {
            return Needs::Nothing;
        }
        if self.idle > 0 {
            // This thread takes it next, or, should that take long, the one that watches.
            return match mine {
                Some(_) if self.tasks.len() <= 1 => Needs::Nothing,
                _ => Needs::AThread,
            };
        }
        let soon = mine.is_some_and(|running| !running.is_some_and(overtaken));
        if !soon && self.running.iter().flatten().any(overtaken) {
            return Needs::AnInterrupt;
        }
        Needs::Nothing
    }

    fn set_running(&mut self, thread: usize, running: Option<Running>) {
        if let Some(place) = self.running.get_mut(thread) {
            *place = running;
        }
    }
}

impl Queue {
    pub fn new(threads: usize, interrupt: Box<dyn Fn() + Send + Sync>) -> Self {
        Self {
            start: Instant::now(),
            state: Mutex::new(State {
                tasks: Lines::default(),
                pushed: 0,
                heaviest: Rank::FIRST,
                running: vec![None; threads],
                idle: 0,
                lingers: false,
                watched: false,
                closed: false,
            }),
            work: Condvar::new(),
            waiting: AtomicUsize::new(0),
            interrupted: AtomicU64::new(0),
            expected: AtomicU64::new(0),
            interrupt,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which of the threads this one is.
    fn this_thread(&self) -> Option<usize> {
        WORKS_FOR.with_borrow(|works_for| {
            works_for.as_ref().and_then(|(queue, thread)| {
                std::ptr::eq(&raw const **queue, self).then_some(*thread)
            })
        })
    }

    /// What a stranger begins with: more than any of those who are here, and no more than `most`.
    pub fn behind_all(&self, most: Duration) -> Weight {
        let heaviest = self.state().heaviest;
        heaviest.doubled(self.start.elapsed(), most)
    }

    /// `task` is to run, for `account`; until now it used `usage`.
    pub fn push(&self, task: Runnable, usage: &Usage, account: &Account) {
        let now = Instant::now();
        let weight = usage.at(now);
        let mut state = self.state();
        if state.closed {
            drop(state);
            // With it goes what it holds, which may be much.
            drop(task);
            return;
        }
        let order = state.pushed;
        state.pushed = order.wrapping_add(1);
        let rank = weight.rank(now.saturating_duration_since(self.start));
        if usage.is_stranger {
            state.heaviest = state.heaviest.max(rank);
        }
        let waiting = Waiting {
            rank,
            order,
            weight,
            task,
        };
        state.tasks.push(account, waiting);
        self.waiting.store(state.tasks.len(), Ordering::Relaxed);
        let needs = state.needs(account, weight, self.this_thread(), now);
        drop(state);
        match needs {
            Needs::Nothing => {}
            Needs::AThread => self.work.notify_one(),
            Needs::AnInterrupt => self.interrupt(now),
        }
    }

    fn nanos(&self, at: Instant) -> u64 {
        let time = at.saturating_duration_since(self.start);
        u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
    }

    /// A caller is there, and may come back within [`LINGER`].
    pub fn expect_more(&self) {
        let until = self.nanos(Instant::now() + LINGER);
        self.expected.fetch_max(until, Ordering::Relaxed);
    }

    fn is_expected(&self) -> bool {
        self.nanos(Instant::now()) < self.expected.load(Ordering::Relaxed)
    }

    fn interrupt(&self, now: Instant) {
        let now = self.nanos(now);
        let last = self.interrupted.load(Ordering::Relaxed);
        if u128::from(now.saturating_sub(last)) < MIN_SLICE.as_nanos() {
            return;
        }
        let first =
            self.interrupted
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed);
        if first.is_ok() {
            (self.interrupt)();
        }
    }

    /// Runs tasks as the given one of the threads, until the queue is closed.
    pub fn work(self: Arc<Self>, thread: usize) {
        WORKS_FOR.set(Some((Arc::clone(&self), thread)));
        while let Some(task) = self.next(thread) {
            // The hook has told of a panic, and the task is gone: whoever waits for it hears so.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| task.run()));
        }
        WORKS_FOR.set(None);
    }

    fn next(&self, thread: usize) -> Option<Runnable> {
        let mut state = self.state();
        state.set_running(thread, None);
        loop {
            if state.closed {
                return None;
            }
            let now = Instant::now();
            if let Some(next) = state.tasks.pop(now) {
                self.waiting.store(state.tasks.len(), Ordering::Relaxed);
                let Next {
                    account,
                    of_account,
                    waiting,
                } = next;
                let running = Running {
                    account,
                    of_account,
                    weight: waiting.weight,
                    since: now,
                };
                state.set_running(thread, Some(running));
                let unwatched = !state.watched && state.idle > 0;
                drop(state);
                if unwatched {
                    self.work.notify_one();
                }
                return Some(waiting.task);
            }
            state = self.rest(state);
        }
    }

    /// Waits until there may be something to do.
    fn rest<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        if !state.lingers && self.is_expected() {
            state.lingers = true;
            drop(state);
            self.linger();
            state = self.state();
            state.lingers = false;
            return state;
        }
        state.idle += 1;
        let somebody_runs = state.running.iter().any(Option::is_some);
        if somebody_runs && !state.watched {
            state.watched = true;
            let waited = self.work.wait_timeout(state, WATCH);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.watched = false;
        } else {
            let waited = self.work.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.idle = state.idle.saturating_sub(1);
        state
    }

    /// Looks out for a task, and lets go of the processor each time, since a caller may want just that.
    fn linger(&self) {
        while self.waiting.load(Ordering::Relaxed) == 0 && self.is_expected() {
            std::thread::yield_now();
        }
    }

    /// Ends the threads, and drops what waits.
    pub fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        let tasks = std::mem::take(&mut state.tasks);
        drop(state);
        self.work.notify_all();
        drop(tasks);
    }
}
