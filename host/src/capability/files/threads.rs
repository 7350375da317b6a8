//! How many threads one instance has blocked in file work at a time: a slow disk under one guest must not
//! leave none for the others.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::PollSemaphore;

use crate::limits::MAX_FILE_THREADS;

/// The threads of one instance. Clones are the same ones.
#[derive(Debug, Clone)]
pub(super) struct Threads(Arc<Semaphore>);

/// The right to block one thread, for as long as it lives; none where the host shuts down.
#[derive(Debug)]
pub(super) struct Thread(
    #[allow(dead_code, reason = "held, not read")] Option<OwnedSemaphorePermit>,
);

impl Threads {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_FILE_THREADS)))
    }

    /// Waits for a thread.
    pub(super) async fn one(&self) -> Thread {
        Thread(Arc::clone(&self.0).acquire_owned().await.ok())
    }

    /// Runs `work` on a thread, which it keeps to its end, whether somebody waits for it or not.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) -> io::Result<R> {
        let thread = self.one().await;
        let work = move || {
            let _thread = thread;
            work()
        };
        on_thread(work).await
    }
}

/// Waits for a thread without a future of its own.
#[derive(Debug)]
pub(super) struct PollThreads(PollSemaphore);

impl From<Threads> for PollThreads {
    fn from(threads: Threads) -> Self {
        Self(PollSemaphore::new(threads.0))
    }
}

impl PollThreads {
    /// Begins `work` when there is a thread for it.
    pub(super) fn poll_begin<R: Send + 'static>(
        &mut self,
        cx: &mut Context<'_>,
        work: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) -> Poll<JoinHandle<io::Result<R>>> {
        let thread = Thread(ready!(self.0.poll_acquire(cx)));
        Poll::Ready(spawn_blocking(move || {
            let _thread = thread;
            work()
        }))
    }
}

/// Runs file work off the runtime, with a thread that the caller answers for. It goes on to its end, books
/// and all, when the caller has gone.
pub(super) async fn on_thread<R: Send + 'static>(
    work: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> io::Result<R> {
    let working = spawn_blocking(work);
    working.await.unwrap_or_else(|_| Err(shutting_down()))
}

pub(super) fn shutting_down() -> io::Error {
    io::Error::other("the host is shutting down")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_more_block_at_once_than_may_and_the_others_wait() {
        let threads = Threads::new();
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..32 {
            let (threads, gate) = (threads.clone(), Arc::clone(&gate));
            let (now, most) = (Arc::clone(&now), Arc::clone(&most));
            all.spawn(async move {
                let work = move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    gate.lock().unwrap().recv().unwrap();
                    now.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                };
                threads.run(work).await
            });
        }
        for _ in 0..32 {
            go.send(()).unwrap();
        }
        for done in all.join_all().await {
            done.unwrap();
        }
        assert!((1..=MAX_FILE_THREADS).contains(&most.load(Ordering::SeqCst)));
    }
}
