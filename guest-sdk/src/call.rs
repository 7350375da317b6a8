//! The call that a node answers: who asks, how far it is, and that it has to end.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::error::Result;
use crate::host;

/// Why a task has to end.
#[derive(Clone, Copy)]
pub(crate) enum End {
    Stopping,
    Cancelled,
}

/// That a task has to end, and who waits to hear it.
#[derive(Default)]
pub(crate) struct Ending {
    end: Cell<Option<End>>,
    /// The task itself.
    waker: RefCell<Option<Waker>>,
    /// Those of its code who wait for the end, to clean up.
    heeded_by: RefCell<Vec<Waker>>,
    heeding: Cell<u32>,
    /// Somebody waited when the end came: the task goes on until it is done.
    cleans_up: Cell<bool>,
}

impl Ending {
    /// The task has to end.
    pub(crate) fn end(&self, why: End) {
        if self.end.replace(Some(why)).is_none() {
            self.cleans_up.set(self.heeding.get() > 0);
        }
        for waker in self.heeded_by.take() {
            waker.wake();
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Why the task is to be dropped now; one that cleans up is not.
    pub(crate) fn drops(&self) -> Option<End> {
        self.end.get().filter(|_| !self.cleans_up.get())
    }

    /// Wakes the task when it has to end.
    pub(crate) fn wakes(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        match &mut *slot {
            Some(old) => old.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }
}

/// Somebody waits for the end of a task, or cleans up behind it: it is not dropped meanwhile.
struct Heeding(Rc<Ending>);

impl Heeding {
    fn begin(ending: &Rc<Ending>) -> Self {
        ending.heeding.set(ending.heeding.get().saturating_add(1));
        Self(Rc::clone(ending))
    }
}

impl Drop for Heeding {
    fn drop(&mut self) {
        let heeding = self.0.heeding.get();
        self.0.heeding.set(heeding.saturating_sub(1));
    }
}

/// The call that a node answers: an argument of a `#[node]` method, or of a closure on a shelf, which is not an
/// input.
///
/// A call that is cancelled, by whoever asked, by its deadline or because the worker stops, is dropped where it
/// waits. Where that would leave a device switched on, say what switches it off:
///
/// ```
/// use external_worker::prelude::*;
/// # #[derive(Default)]
/// # struct Pump;
/// # impl Pump {
/// #     async fn switch(&self, _on: bool) -> Result<()> { Ok(()) }
/// # }
///
/// #[external_worker(id = "pump")]
/// impl Pump {
///     /// Pumps for so many seconds.
///     #[node(timeout = "10min")]
///     async fn pump_for(&self, call: Call, seconds: u32) -> Result<()> {
///         let pumping = async {
///             self.switch(true).await?;
///             for second in 0..seconds {
///                 call.progress(f64::from(second) / f64::from(seconds), "pumping");
///                 sleep(Duration::from_secs(1)).await;
///             }
///             Ok(())
///         };
///         call.clean_up_after(pumping, self.switch(false)).await?;
///         Ok(())
///     }
/// }
/// # fn main() {
/// let bench = external_worker::testing::Bench::new();
/// let pump = bench.start::<Pump>(json!({})).unwrap();
/// pump.call("pump_for", json!({"seconds": 2})).unwrap();
/// assert_eq!(bench.progress(), [(0.0, "pumping".to_owned()), (0.5, "pumping".to_owned())]);
/// # }
/// ```
///
/// The host gives the cleaning up a grace, of a second where the policy says nothing else; then it ends the
/// worker.
#[derive(Clone)]
pub struct Call {
    id: u64,
    caller: Option<Rc<str>>,
    ending: Rc<Ending>,
}

impl Call {
    pub(crate) fn new(id: u64, caller: Option<String>, ending: Rc<Ending>) -> Self {
        let caller = caller.map(Into::into);
        Self { id, caller, ending }
    }

    /// The id of the node in the graph that calls. None: a program calls.
    pub fn node(&self) -> Option<&str> {
        self.caller.as_deref()
    }

    /// Shows at the node how far the call is, between 0 and 1, and what it does now. The host shows the latest
    /// a few times a second.
    pub fn progress(&self, fraction: f64, message: &str) {
        host::progress(self.id, fraction, message);
    }

    /// Whether the call has to end.
    pub fn is_cancelled(&self) -> bool {
        self.ending.end.get().is_some()
    }

    /// Waits until the call has to end. Who waits for it is not dropped then, but goes on, to clean up.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled {
            ending: Rc::clone(&self.ending),
            heeding: None,
        }
    }

    /// Waits for `work`. `None`: the call has to end, and `work` was dropped.
    ///
    /// What was switched on before is switched off by [`clean_up_after`](Self::clean_up_after): here a call that
    /// has to end a moment after `work` is done is dropped where it waits next.
    pub async fn until_cancelled<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut cancelled = pin!(self.cancelled());
        let mut work = pin!(work);
        poll_fn(|cx| {
            if cancelled.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(cx).map(Some)
        })
        .await
    }

    /// Waits for `work`, until it is done, has failed or the call has to end; then for `clean_up`, in each of these
    /// cases. Nothing but the end of the host's grace keeps that from being done. `None`: the call has to end, and
    /// `work` was dropped.
    ///
    /// # Errors
    /// That of `clean_up`, else that of `work`.
    pub async fn clean_up_after<T>(
        &self,
        work: impl Future<Output = Result<T>>,
        clean_up: impl Future<Output = Result<()>>,
    ) -> Result<Option<T>> {
        let _heeding = Heeding::begin(&self.ending);
        let worked = self.until_cancelled(work).await;
        let cleaned = clean_up.await;
        cleaned.map_err(|error| error.context("cleaning up"))?;
        worked.transpose()
    }
}

/// Waits until a call has to end: what [`Call::cancelled`] returns.
#[must_use = "this does nothing until it is awaited"]
pub struct Cancelled {
    ending: Rc<Ending>,
    heeding: Option<Heeding>,
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.ending.end.get().is_some() {
            return Poll::Ready(());
        }
        if self.heeding.is_none() {
            self.heeding = Some(Heeding::begin(&self.ending));
        }
        let mut wakers = self.ending.heeded_by.borrow_mut();
        if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}
