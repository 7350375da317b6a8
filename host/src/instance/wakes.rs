//! Wake-ups of a task by itself, kept from the scheduler.
//!
//! A guest's call that ends wakes the future that waits for it, in the same task, while that task is
//! being polled. The scheduler would queue the task once more and wake an idle thread to take it:
//! two switches between threads for each call, which cost more than the call.
//!
//! So the store is polled on for what it woke itself for, up to a millisecond. A guest that gave way at
//! a tick has used more than that, and goes through the scheduler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Nobody polls: a wake-up is the scheduler's.
const IDLE: u8 = 0;
/// A poll is under way.
const POLLING: u8 = 1;
/// A poll is under way, and another one is due.
const WOKEN: u8 = 2;

/// Who is woken when what it stands for makes progress.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    state: AtomicU8,
    task: AtomicWaker,
}

impl Wakes {
    /// Polls once, and once more for as long as something woke it meanwhile and `may_go_on`; then
    /// the scheduler is to see to it.
    pub fn poll<T>(
        self: &Arc<Self>,
        waker: &Waker,
        task: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
        mut may_go_on: impl FnMut() -> bool,
    ) -> Poll<T> {
        self.task.register(task.waker());
        loop {
            self.state.store(POLLING, Ordering::Release);
            let polled = poll(&mut Context::from_waker(waker));
            let woken = self.state.swap(IDLE, Ordering::AcqRel) == WOKEN;
            if polled.is_ready() || !woken {
                return polled;
            }
            if !may_go_on() {
                task.waker().wake_by_ref();
                return polled;
            }
        }
    }
}

impl Wakes {
    /// `future`, which is polled inside of [`Wakes::poll`] and sees then whatever woke it before: no further poll
    /// is due for that. Whoever polls it has to poll after it, or not at all, what else wakes these; and what it begins
    /// when it is polled, too.
    pub async fn seen<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| {
            let order = Ordering::AcqRel;
            // Idle: somebody else polls it.
            let _ = self
                .state
                .compare_exchange(WOKEN, POLLING, order, Ordering::Acquire);
            future.as_mut().poll(cx)
        })
        .await
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let noted =
            self.state
                .compare_exchange(POLLING, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        if noted == Err(IDLE) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Count(AtomicU8);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_is_polled_after_it_was_woken_is_not_polled_once_more() {
        let scheduler = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&scheduler));
        let mut task = Context::from_waker(&waker);
        let wakes = Arc::new(Wakes::default());
        let inner = Waker::from(Arc::clone(&wakes));
        for wakes_itself in [false, true] {
            let future = std::future::poll_fn(|cx| {
                if wakes_itself {
                    cx.waker().wake_by_ref();
                }
                Poll::<()>::Pending
            });
            let mut seen = std::pin::pin!(wakes.seen(future));
            let mut polls = 0;
            let woken_before = |cx: &mut Context<'_>| {
                polls += 1;
                cx.waker().wake_by_ref();
                seen.as_mut().poll(cx)
            };
            let polled = wakes.poll(&inner, &mut task, woken_before, || false);
            assert!(polled.is_pending());
            let told = usize::from(scheduler.0.load(Ordering::SeqCst));
            assert_eq!((polls, told), (1, usize::from(wakes_itself)));
        }
    }

    #[test]
    fn a_task_that_wakes_itself_is_polled_on_until_it_may_not() {
        let scheduler = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&scheduler));
        let mut task = Context::from_waker(&waker);
        let wakes = Arc::new(Wakes::default());
        let inner = Waker::from(Arc::clone(&wakes));
        let mut polls = 0;
        let polled = wakes.poll(
            &inner,
            &mut task,
            |cx| {
                polls += 1;
                if polls < 3 {
                    cx.waker().wake_by_ref();
                }
                Poll::<()>::Pending
            },
            || true,
        );
        assert!(polled.is_pending());
        assert_eq!((polls, scheduler.0.load(Ordering::SeqCst)), (3, 0));
        inner.wake_by_ref();
        assert_eq!(
            scheduler.0.load(Ordering::SeqCst),
            1,
            "nobody polls: the scheduler is told"
        );
        let always = |cx: &mut Context<'_>| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        };
        assert!(wakes.poll(&inner, &mut task, always, || false).is_pending());
        assert_eq!(
            scheduler.0.load(Ordering::SeqCst),
            2,
            "it may not go on: the scheduler is told"
        );
    }
}
