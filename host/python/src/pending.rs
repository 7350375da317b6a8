//! Something that has begun, for who awaits it under asyncio and for who waits in a plain thread.
//!
//! Most calls of a guest take a few microseconds, and waking an event loop from another thread takes more than
//! that. So the thread that begins one waits for it itself for a moment, without the lock of the interpreter, where
//! the last such call came back within that moment.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use external_worker_host::HostError;
use external_worker_host::engine::Engine;
use pyo3::BoundObject;
use pyo3::exceptions::{PyRuntimeError, PyStopIteration, PyTimeoutError};
use pyo3::prelude::*;
use tokio_util::task::AbortOnDropHandle;

use crate::{bell, control, errors};

/// How long a thread waits for a call before it goes on: a few times what a short one takes.
const MOMENT: Duration = Duration::from_micros(100);
/// After one that took longer, so many others are not waited for.
const SKIPPED: u8 = 16;
/// How often a thread that waits looks whether somebody interrupts it.
pub const SIGNALS: Duration = Duration::from_millis(100);

/// What came of it, to be made an object of Python once its lock is held.
pub type Answer = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// What came of it.
pub type Outcome = Result<Answer, HostError>;
type Work = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// An answer that is `value`.
pub fn answer<T>(value: T) -> Answer
where
    T: for<'py> IntoPyObject<'py> + Send + 'static,
{
    Box::new(|py| {
        let object = value.into_pyobject(py).map_err(Into::into)?;
        Ok(object.into_any().unbind())
    })
}

/// Whether the calls of one instance come back soon enough to be waited for.
#[derive(Debug, Default)]
pub struct Habit(AtomicU8);

impl Habit {
    /// Whether the next is waited for.
    fn is_quick(&self) -> bool {
        let one_less = |left: u8| left.checked_sub(1);
        let order = Ordering::Relaxed;
        self.0.fetch_update(order, order, one_less).is_err()
    }

    fn was_slow(&self) {
        self.0.store(SKIPPED, Ordering::Relaxed);
    }
}

/// Something that has begun. See the module.
#[pyclass(frozen, module = "external_worker_host")]
pub struct Pending(Mutex<State>);

enum State {
    Running(AbortOnDropHandle<Outcome>),
    Done(PyResult<Py<PyAny>>),
    /// Somebody waits for it, or did.
    Taken,
}

impl Pending {
    /// Begins `work`.
    pub fn begin(
        py: Python<'_>,
        work: impl Future<Output = Outcome> + Send + 'static,
    ) -> PyResult<Self> {
        let work: Work = Box::pin(work);
        let runtime = control::runtime()?;
        let handle = py.detach(|| runtime.spawn(work));
        Ok(Self::running(handle))
    }

    /// Begins `work` and waits for it for a moment, if `habit` lets expect that this is enough.
    pub fn begin_quick(
        py: Python<'_>,
        work: impl Future<Output = Outcome> + Send + 'static,
        habit: &Habit,
        engine: &Engine,
    ) -> PyResult<Self> {
        if !habit.is_quick() {
            return Self::begin(py, work);
        }
        let mut work: Work = Box::pin(work);
        let runtime = control::runtime()?;
        engine.expect_more();
        let outcome = py.detach(|| {
            let _runtime = runtime.enter();
            wait_a_moment(work.as_mut())
        });
        if let Some(outcome) = outcome {
            return Ok(Self(Mutex::new(State::Done(told(py, outcome)))));
        }
        habit.was_slow();
        Self::begin(py, work)
    }

    fn running(handle: tokio::task::JoinHandle<Outcome>) -> Self {
        Self(Mutex::new(State::Running(AbortOnDropHandle::new(handle))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what runs out of it; what is done stays.
    fn take(&self, py: Python<'_>) -> PyResult<State> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Done(result) => {
                let again = copy(py, &result);
                *state = State::Done(result);
                Ok(State::Done(again))
            }
            State::Taken => Err(PyRuntimeError::new_err("somebody else waits for this")),
            running => Ok(running),
        }
    }
}

#[pymethods]
impl Pending {
    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.take(py)? {
            State::Done(result) => Ok(Bound::new(py, Ready(Mutex::new(Some(result))))?.into_any()),
            State::Running(handle) => {
                let coming = bell::awaited(py, async move { joined(handle.await) })?;
                coming.call_method0("__await__")
            }
            State::Taken => Err(PyRuntimeError::new_err("somebody else waits for this")),
        }
    }

    /// Waits for it in this thread, for at most `timeout` seconds.
    #[pyo3(signature = (timeout=None))]
    fn result(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Py<PyAny>> {
        let mut handle = match self.take(py)? {
            State::Done(result) => return result,
            State::Running(handle) => handle,
            State::Taken => return Err(PyRuntimeError::new_err("somebody else waits for this")),
        };
        let limit = timeout.and_then(|it| Duration::try_from_secs_f64(it.max(0.0)).ok());
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let runtime = control::runtime()?;
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let step = left.map_or(SIGNALS, |left| left.min(SIGNALS));
            let outcome = py.detach(|| {
                runtime.block_on(async { tokio::time::timeout(step, &mut handle).await })
            });
            if let Ok(outcome) = outcome {
                let result = told(py, joined(outcome));
                *self.state() = State::Done(copy(py, &result));
                return result;
            }
            if left.is_some_and(|left| left <= step) {
                *self.state() = State::Running(handle);
                return Err(PyTimeoutError::new_err("it is not done yet"));
            }
            if let Err(interrupted) = py.check_signals() {
                *self.state() = State::Running(handle);
                return Err(interrupted);
            }
        }
    }

    /// Gives it up: a call is cancelled in the guest.
    fn cancel(&self) {
        let mut state = self.state();
        if let State::Running(handle) = &*state {
            handle.abort();
            *state = State::Done(Err(errors::refused(
                "SandboxError",
                "cancelled",
                "the call was cancelled".to_owned(),
            )));
        }
    }

    /// Whether it is done.
    fn done(&self) -> bool {
        match &*self.state() {
            State::Running(handle) => handle.is_finished(),
            State::Done(_) => true,
            State::Taken => false,
        }
    }
}

/// What is awaited once more, though it is done.
#[pyclass(frozen, module = "external_worker_host")]
pub struct Ready(Mutex<Option<PyResult<Py<PyAny>>>>);

impl Ready {
    /// Done, with `value`.
    pub fn with(value: PyResult<Py<PyAny>>) -> Self {
        Self(Mutex::new(Some(value)))
    }
}

#[pymethods]
impl Ready {
    fn __await__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self) -> PyResult<Py<PyAny>> {
        let result = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        match result {
            Some(Ok(value)) => Err(PyStopIteration::new_err((value,))),
            Some(Err(error)) => Err(error),
            None => Err(PyRuntimeError::new_err("this was awaited before")),
        }
    }
}

fn copy(py: Python<'_>, result: &PyResult<Py<PyAny>>) -> PyResult<Py<PyAny>> {
    match result {
        Ok(value) => Ok(value.clone_ref(py)),
        Err(error) => Err(error.clone_ref(py)),
    }
}

/// What came of it, for Python.
pub fn told(py: Python<'_>, outcome: Outcome) -> PyResult<Py<PyAny>> {
    match outcome {
        Ok(answer) => answer(py),
        Err(error) => Err(errors::raised(&error)),
    }
}

fn joined(outcome: Result<Outcome, tokio::task::JoinError>) -> Outcome {
    outcome.unwrap_or_else(|_| Err(HostError::Ended("whatever drove it is gone".to_owned())))
}

/// Tells a thread that looks.
#[derive(Default)]
struct Told(AtomicBool);

impl Wake for Told {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

/// What comes of `work` within [`MOMENT`]. It looks again and again, since to be woken takes longer than most calls,
/// and lets go of its processor each time, since the guest may want just that.
fn wait_a_moment(mut work: Pin<&mut (dyn Future<Output = Outcome> + Send)>) -> Option<Outcome> {
    let told = Arc::new(Told::default());
    let waker = Waker::from(Arc::clone(&told));
    let mut context = Context::from_waker(&waker);
    let begun = Instant::now();
    loop {
        if let Poll::Ready(outcome) = work.as_mut().poll(&mut context) {
            return Some(outcome);
        }
        while !told.0.swap(false, Ordering::Acquire) {
            if begun.elapsed() > MOMENT {
                return None;
            }
            std::thread::yield_now();
        }
    }
}
