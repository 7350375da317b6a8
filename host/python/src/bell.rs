//! Brings what came of something to the event loop of asyncio that waits for it.
//!
//! No other thread takes the lock of the interpreter for that: it would wait for whoever has it, and an interpreter
//! that ends meanwhile aborts the process. The thread that has the outcome writes to a descriptor that the loop
//! watches, and the loop fetches it.

use std::future::Future;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use rustix::event::{EventfdFlags, eventfd};
use tokio::task::AbortHandle;

use crate::control;
use crate::pending::{Outcome, told};

static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static BELLS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// What one event loop watches; called by it when something is there.
#[pyclass(frozen, module = "external_worker_host")]
struct Bell(Arc<Line>);

/// Where outcomes wait for a loop.
struct Line {
    watched: OwnedFd,
    rung: Mutex<Vec<Rung>>,
}

/// An outcome, and the future of asyncio that it is for.
struct Rung {
    future: Py<PyAny>,
    outcome: Outcome,
}

impl Line {
    fn rung(&self) -> MutexGuard<'_, Vec<Rung>> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self, rung: Rung) {
        let mut all = self.rung();
        let is_first = all.is_empty();
        all.push(rung);
        drop(all);
        if is_first {
            // It cannot be full: it counts to more than there will ever be.
            let _ = rustix::io::write(&self.watched, &1_u64.to_ne_bytes());
        }
    }
}

#[pymethods]
impl Bell {
    fn __call__(&self, py: Python<'_>) {
        let _ = rustix::io::read(&self.0.watched, &mut [0; 8]);
        let all = std::mem::take(&mut *self.0.rung());
        for Rung { future, outcome } in all {
            let future = future.bind(py);
            if let Err(error) = deliver(future, outcome) {
                error.write_unraisable(py, Some(future));
            }
        }
    }
}

/// Nobody waits for what was cancelled.
fn deliver(future: &Bound<'_, PyAny>, outcome: Outcome) -> PyResult<()> {
    let py = future.py();
    if future.call_method0("done")?.is_truthy()? {
        return Ok(());
    }
    match told(py, outcome) {
        Ok(value) => future.call_method1("set_result", (value,))?,
        Err(error) => future.call_method1("set_exception", (error,))?,
    };
    Ok(())
}

impl Bell {
    /// That of this loop, which watches it from now on.
    fn of(event_loop: &Bound<'_, PyAny>) -> PyResult<Arc<Line>> {
        let py = event_loop.py();
        let bells = BELLS.get_or_try_init(py, || {
            let bells = py.import("weakref")?.getattr("WeakKeyDictionary")?;
            Ok::<_, PyErr>(bells.call0()?.unbind())
        })?;
        let bells = bells.bind(py);
        let bell = bells.call_method1("get", (event_loop,))?;
        if let Ok(bell) = bell.cast::<Self>() {
            return Ok(Arc::clone(&bell.get().0));
        }
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        let line = Arc::new(Line {
            watched: eventfd(0, flags).map_err(std::io::Error::from)?,
            rung: Mutex::default(),
        });
        let bell = Bound::new(py, Self(Arc::clone(&line)))?;
        event_loop.call_method1("add_reader", (line.watched.as_raw_fd(), &bell))?;
        bells.set_item(event_loop, bell)?;
        Ok(line)
    }
}

/// Ends what a future is for, once that was cancelled.
#[pyclass(frozen, module = "external_worker_host")]
struct GivenUp(AbortHandle);

#[pymethods]
impl GivenUp {
    fn __call__(&self, _future: &Bound<'_, PyAny>) {
        self.0.abort();
    }
}

/// A future of the running event loop, for what comes of `work`. To cancel it ends the work.
pub fn awaited(
    py: Python<'_>,
    work: impl Future<Output = Outcome> + Send + 'static,
) -> PyResult<Bound<'_, PyAny>> {
    let running = RUNNING_LOOP.import(py, "asyncio", "get_running_loop")?;
    let event_loop = running.call0()?;
    let line = Bell::of(&event_loop)?;
    let future = event_loop.call_method0("create_future")?;
    let waits = future.clone().unbind();
    let ringing = async move {
        let outcome = work.await;
        line.ring(Rung {
            future: waits,
            outcome,
        });
    };
    let runtime = control::runtime()?;
    let handle = py.detach(|| runtime.spawn(ringing));
    let given_up = GivenUp(handle.abort_handle());
    future.call_method1("add_done_callback", (given_up,))?;
    Ok(future)
}
