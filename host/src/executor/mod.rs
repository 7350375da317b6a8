//! The threads that run guests, and who goes first on them.
//!
//! tokio's scheduler runs tasks in the order in which they were woken, so a task that needs ten
//! microseconds waits behind every one that takes a whole slice. Here who used least of late goes
//! first ([`usage`]), and interrupts who used more ([`queue`]): what a neighbour costs does not grow
//! with how many neighbours there are. Timers, sockets and blocking work are tokio's, on a thread
//! beside. Who goes first is found in two steps, by [`Account`] and then by [`Standing`] ([`lines`]): whoever has many
//! guests gets no more for it.
//!
//! It knows no guest: a task is a future, and what it used is the time inside its polls.
//!
//! Who tries a component instead of serving it runs its tasks on one thread and on time that is
//! [`simulated`].

mod clock;
mod cpu;
mod lines;
mod queue;
mod simulated;
mod usage;

use std::pin::Pin;
use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

pub use clock::{Clock, Elapsed, Moment};
pub use cpu::{Ran, Stretch};
pub use lines::{Account, NORMAL_WEIGHT};
use queue::Queue;
pub use queue::someone_waits;
pub use simulated::Simulated;
use usage::{Usage, Weight};

/// Why threads could not be started.
pub type StartError = std::io::Error;

/// Runs tasks on threads of its own until its last handle is dropped. Cheap to clone.
#[derive(Clone)]
pub struct Executor {
    inner: Arc<Inner>,
    /// Whose tasks come by this handle.
    account: Account,
}

struct Inner {
    place: Place,
    clock: Arc<Clock>,
    alive: Arc<AtomicUsize>,
    #[cfg(test)]
    spawned: AtomicU64,
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}

/// Where the tasks run.
enum Place {
    Threads(Threads),
    Simulated(simulated::Place),
}

/// Threads, and who waits for them.
struct Threads {
    queue: Arc<Queue>,
    /// Timers, sockets and blocking work of the tasks.
    io: Option<tokio::runtime::Runtime>,
}

impl Threads {
    fn spawn(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
        usage: Arc<Usage>,
        account: Account,
    ) {
        let task = Used {
            future: Box::pin(task),
            usage: Arc::clone(&usage),
            account: account.clone(),
        };
        let queue = Arc::clone(&self.queue);
        let (runnable, task) =
            async_task::spawn(task, move |runnable| queue.push(runnable, &usage, &account));
        task.detach();
        runnable.schedule();
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queue.close();
        // The last handle may well be dropped inside some runtime, where waiting is not allowed.
        if let Some(io) = self.io.take() {
            io.shutdown_background();
        }
    }
}

/// What becomes of a task. Dropping it does not end the task.
pub struct Task<T>(oneshot::Receiver<T>);

/// A task ended without a result: it panicked, or its threads have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the task ended without a result")]
pub struct Lost;

impl<T> Future for Task<T> {
    type Output = Result<T, Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_gone| Lost)
    }
}

impl Executor {
    /// Starts `threads` threads, one for each core if `None`. `interrupt` has to make whatever runs on
    /// them give way soon; it is called from any thread, often, and must not wait.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        threads: Option<usize>,
        interrupt: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, StartError> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.unwrap_or_else(cores).max(1);
        let io = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("ewh-guest-io")
            .enable_all()
            .build()?;
        let queue = Arc::new(Queue::new(threads, Box::new(interrupt)));
        let handle = io.handle().clone();
        // Should a thread not start, those that did end with it.
        let place = Threads {
            queue: Arc::clone(&queue),
            io: Some(io),
        };
        for thread in 0..threads {
            let (queue, io) = (Arc::clone(&queue), handle.clone());
            std::thread::Builder::new()
                .name("ewh-guest".to_owned())
                .spawn(move || {
                    let _io = io.enter();
                    queue.work(thread);
                })?;
        }
        Ok(Self::at(Place::Threads(place), Clock::default()))
    }

    /// Runs tasks on simulated time. Called within its runtime.
    fn simulated(place: simulated::Place) -> Self {
        Self::at(Place::Simulated(place), Clock::simulated())
    }

    fn at(place: Place, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                place,
                clock: Arc::new(clock),
                alive: Arc::default(),
                #[cfg(test)]
                spawned: AtomicU64::new(0),
            }),
            account: Account::default(),
        }
    }

    /// The same threads for somebody else: what comes by this handle is on `account`.
    pub fn on(&self, account: Account) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            account,
        }
    }

    /// What a stranger begins with; `None`: nobody goes before another.
    fn behind_all(&self, most: Duration) -> Option<Weight> {
        match &self.inner.place {
            Place::Threads(threads) => Some(threads.queue.behind_all(most)),
            Place::Simulated(_) => None,
        }
    }

    /// Runs `future`. It goes on whether or not anybody waits for it.
    pub fn spawn<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.spawn_as(&Standing::default(), future)
    }

    /// That of a stranger, who begins as if it had used more just now than any other who is here, though no
    /// more than `most`: else many that come at once would all go before those.
    pub fn stranger(&self, most: Duration) -> Standing {
        let weight = self.behind_all(most);
        Standing(Arc::new(
            weight.map_or_else(Usage::default, Usage::of_stranger),
        ))
    }

    /// Makes a stranger of whoever has `standing` once more: who comes and goes does not go before others for it.
    pub(crate) fn estrange(&self, standing: &Standing, most: Duration) {
        if let Some(weight) = self.behind_all(most) {
            standing.0.raise(weight);
        }
    }

    /// [`Self::spawn`] of one of the tasks that have one standing.
    pub(crate) fn spawn_as<F>(&self, standing: &Standing, future: F) -> Task<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        #[cfg(test)]
        self.inner.spawned.fetch_add(1, Ordering::Relaxed);
        let (done, result) = oneshot::channel();
        let alive = Alive::new(&self.inner.alive);
        let task = async move {
            let alive = alive;
            let output = future.await;
            // Whoever hears of its end sees it gone.
            drop(alive);
            // Nobody waiting is fine.
            let _ = done.send(output);
        };
        match &self.inner.place {
            Place::Threads(threads) => {
                threads.spawn(task, Arc::clone(&standing.0), self.account.clone());
            }
            Place::Simulated(place) => place.spawn(task),
        }
        Task(result)
    }

    /// A caller on another thread is there, and may come back within a moment: one of these threads stays awake for it.
    pub fn expect_more(&self) {
        if let Place::Threads(threads) = &self.inner.place {
            threads.queue.expect_more();
        }
    }

    /// The clock by which deadlines of tasks are kept.
    pub fn clock(&self) -> &Arc<Clock> {
        &self.inner.clock
    }

    /// Tasks that were spawned until now.
    #[cfg(test)]
    pub(crate) fn spawned_tasks(&self) -> u64 {
        self.inner.spawned.load(Ordering::Relaxed)
    }

    /// Tasks that have not ended.
    pub fn alive_tasks(&self) -> usize {
        self.inner.alive.load(Ordering::Acquire)
    }
}

/// Where somebody stands among those of one account who wait for a thread: by what all of its tasks used of late. Who has many
/// tasks goes no sooner for it. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Standing(Arc<Usage>);

/// One more task, until it ends or is dropped.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(alive))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A future whose polls count as use.
struct Used<F> {
    future: Pin<Box<F>>,
    usage: Arc<Usage>,
    account: Account,
}

impl<F: Future> Future for Used<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let begin = Instant::now();
        let poll = self.future.as_mut().poll(cx);
        // Before the task can be queued again.
        let end = Instant::now();
        self.usage.add(begin, end);
        self.account.usage().add(begin, end);
        poll
    }
}

#[cfg(test)]
mod tests;
