//! State of a worker that loop and methods share.
//!
//! A worker's methods take `&self` and interleave wherever one of them waits, so the usual `RefCell`
//! invites a panic: a borrow that is still open across an `.await` meets another task. [`State`] has
//! no guard that could be kept, [`Lock`] has one that other tasks wait for.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::ops::{Deref, DerefMut};
use std::task::{Poll, Waker};

/// Interior state that cannot stay borrowed across an `.await`.
///
/// ```
/// use external_worker::prelude::*;
///
/// let readings = State::new(vec![1.0, 2.0]);
/// readings.update(|r| r.push(3.0));
/// assert_eq!(readings.with(|r| r.len()), 3);
///
/// let count = State::new(1);
/// count.set(count.get() + 1);
/// assert_eq!(count.replace(0), 2);
/// ```
///
/// The closures are synchronous and nothing borrowed can leave them, so this does not compile:
///
/// ```compile_fail
/// # use external_worker::prelude::*;
/// # async fn f(readings: State<Vec<f64>>) {
/// let first = readings.with(|r| &r[0]);
/// sleep(std::time::Duration::from_secs(1)).await;
/// println!("{first}");
/// # }
/// ```
#[derive(Default)]
pub struct State<T>(RefCell<T>);

impl<T> State<T> {
    /// Makes a state that starts as `value`.
    pub const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// Reads the state. Inside the closure another `with` of the same state works, and `update` panics.
    #[track_caller]
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        match self.0.try_borrow() {
            Ok(value) => read(&value),
            Err(_) => in_use("read", "State::update"),
        }
    }

    /// Changes the state in place. Inside the closure every use of the same state panics.
    #[track_caller]
    pub fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        match self.0.try_borrow_mut() {
            Ok(mut value) => change(&mut value),
            Err(_) => in_use("changed", "State::with or State::update"),
        }
    }

    /// Puts `value` in and returns the old value.
    #[track_caller]
    pub fn replace(&self, value: T) -> T {
        self.update(|old| std::mem::replace(old, value))
    }

    /// Puts `value` in.
    #[track_caller]
    pub fn set(&self, value: T) {
        drop(self.replace(value));
    }

    /// A copy of the state.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// Takes the value out and leaves the default.
    #[track_caller]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }
}

/// Only a closure can meet its own state, so the mistake is always at the caller's line.
#[track_caller]
#[expect(
    clippy::panic,
    reason = "a mistake in the author's code that has no other outcome"
)]
fn in_use(what: &str, by: &str) -> ! {
    panic!("this State is {what} inside a closure of {by} on the same State; move it out of there")
}

impl<T> From<T> for State<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that one task at a time uses, across as many `.await`s as it needs: an open port, a
/// connection. Others wait for their turn, first come first served.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::serial::Port;
///
/// #[derive(Default)]
/// struct Thermometer {
///     port: Lock<Option<Port>>,
/// }
///
/// impl Thermometer {
///     async fn ask(&self) -> Result<Vec<u8>> {
///         let port = self.port.lock().await;
///         let port = port.as_ref().ok_or("the port is not open")?;
///         port.write_all(b"READ?\r\n").await?;
///         port.read(64).await // nobody else's question comes in between
///     }
/// }
/// ```
#[derive(Default)]
pub struct Lock<T> {
    queue: RefCell<VecDeque<(u64, Waker)>>,
    next_ticket: Cell<u64>,
    value: RefCell<T>,
}

impl<T> Lock<T> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            queue: RefCell::new(VecDeque::new()),
            next_ticket: Cell::new(0),
            value: RefCell::new(value),
        }
    }

    /// Waits for the turn of this task. Dropping the guard passes the turn on.
    pub async fn lock(&self) -> LockGuard<'_, T> {
        let mut place = Place {
            queue: &self.queue,
            ticket: None,
        };
        let value = poll_fn(|cx| {
            let mut queue = self.queue.borrow_mut();
            let mine = place.ticket;
            let first = queue
                .front()
                .is_none_or(|(ticket, _)| Some(*ticket) == mine);
            if first && let Ok(value) = self.value.try_borrow_mut() {
                return Poll::Ready(value);
            }
            match queue.iter_mut().find(|(ticket, _)| Some(*ticket) == mine) {
                Some((_, waker)) => waker.clone_from(cx.waker()),
                None => {
                    let ticket = self.next_ticket.get();
                    self.next_ticket.set(ticket + 1);
                    place.ticket = Some(ticket);
                    queue.push_back((ticket, cx.waker().clone()));
                }
            }
            Poll::Pending
        })
        .await;
        place.leave();
        LockGuard {
            queue: &self.queue,
            value,
        }
    }

    /// Returns the guard if nobody holds the lock now.
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        let value = self.value.try_borrow_mut().ok()?;
        Some(LockGuard {
            queue: &self.queue,
            value,
        })
    }
}

/// A place in the queue, given up when the waiting future is dropped: a cancelled call must not hold
/// up those behind it.
struct Place<'a> {
    queue: &'a RefCell<VecDeque<(u64, Waker)>>,
    ticket: Option<u64>,
}

impl Place<'_> {
    fn leave(&mut self) {
        if let Some(mine) = self.ticket.take() {
            self.queue
                .borrow_mut()
                .retain(|(ticket, _)| *ticket != mine);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.ticket.is_some() {
            self.leave();
            wake_first(self.queue);
        }
    }
}

fn wake_first(queue: &RefCell<VecDeque<(u64, Waker)>>) {
    let first = queue.borrow().front().map(|(_, waker)| waker.clone());
    if let Some(waker) = first {
        waker.wake();
    }
}

/// The turn of one task at a [`Lock`].
pub struct LockGuard<'a, T> {
    queue: &'a RefCell<VecDeque<(u64, Waker)>>,
    value: RefMut<'a, T>,
}

impl<T> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for LockGuard<'_, T> {
    // The next in the queue is polled after this guard is gone, never from within `wake`.
    fn drop(&mut self) {
        wake_first(self.queue);
    }
}

impl<T> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock")
            .field("taken", &self.value.try_borrow().is_err())
            .finish_non_exhaustive()
    }
}
