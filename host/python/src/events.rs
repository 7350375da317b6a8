//! What an instance tells, for `async for` and for `for`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use external_worker_host::bindings::types::Value;
use external_worker_host::instance::events::{
    Event as HostEvent, InputChange as HostChange, Listener, level_name,
};
use external_worker_host::instance::surface::InputState;
use external_worker_host::instance::{Instance as HostInstance, State};
use external_worker_host::json::JsonText;
use external_worker_host::limits::Paid;
use pyo3::exceptions::{PyStopAsyncIteration, PyStopIteration};
use pyo3::prelude::*;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::pending::{Answer, Ready, SIGNALS};
use crate::{bell, control, values};

/// What an instance tells; each kind is a class of its own.
#[pyclass(frozen, module = "external_worker_host")]
pub enum Event {
    /// A line of its log.
    Log {
        /// "trace", "debug", "info", "warn" or "error".
        level: String,
        /// One line.
        message: String,
    },
    /// It emitted an event.
    Emitted {
        /// Such as "nodes_update".
        event: String,
        /// Any JSON.
        data: Py<PyAny>,
    },
    /// It asks all nodes of a method to run.
    TriggerRequested {
        /// The method.
        method: String,
    },
    /// It changed an input.
    InputChanged {
        /// The node; `None`: the class, for nodes yet to be made.
        node: Option<String>,
        /// The method whose nodes these are.
        method: String,
        /// The input's name.
        input: String,
        /// What changed.
        change: Py<InputChange>,
    },
    /// It said what its configuration is now.
    ConfigSaid {
        /// The configuration, with its secrets.
        config: Py<PyAny>,
    },
    /// A call says how far it is.
    Progress {
        /// The node that called; `None`: no node did.
        node: Option<String>,
        /// Between 0 and 1.
        fraction: f64,
        /// What it does now.
        message: String,
        /// Seconds since the call began.
        elapsed: f64,
    },
    /// The operator did not grant something that it tried.
    Denied {
        /// What, and which grant is missing.
        message: String,
    },
    /// A turn of the loop failed; once for each burst.
    LoopFailed {
        /// The guest's sentence.
        message: String,
    },
    /// Its state changed.
    State {
        /// "starting", "running", "restarting", "stopping" or "ended".
        state: String,
        /// Why it starts again, or how it ended.
        reason: Option<String>,
    },
    /// Here so many events are missing, because they were not taken in time.
    Missed {
        /// How many.
        count: u64,
    },
}

/// What changed at an input.
#[pyclass(frozen, get_all, module = "external_worker_host")]
pub struct InputChange {
    /// "value", "shown", "default", "`no_default`", "`value_options`" or "`render_options`".
    kind: &'static str,
    value: Py<PyAny>,
}

impl InputChange {
    fn of(py: Python<'_>, change: &HostChange) -> PyResult<Self> {
        let paid = |value: &Paid<Value>| {
            Ok::<_, PyErr>(values::from_guest(py, Value::clone(value))?.unbind())
        };
        let text =
            |json: &Paid<JsonText>| Ok::<_, PyErr>(values::from_text(py, json.as_str())?.unbind());
        let (kind, value) = match change {
            HostChange::Value(value) => ("value", paid(value)?),
            HostChange::Shown(value) => ("shown", paid(value)?),
            HostChange::Default(Some(value)) => ("default", paid(value)?),
            HostChange::Default(None) => ("no_default", py.None()),
            HostChange::ValueOptions(json) => ("value_options", text(json)?),
            HostChange::RenderOptions(json) => ("render_options", text(json)?),
        };
        Ok(Self { kind, value })
    }

    /// What the guest set at an input of the class.
    pub fn all(py: Python<'_>, state: InputState) -> PyResult<Vec<Self>> {
        let value = match state.triggers {
            true => state.value.map(HostChange::Value),
            false => state.value.map(HostChange::Shown),
        };
        let changes = [
            state.value_options.map(HostChange::ValueOptions),
            state.render_options.map(HostChange::RenderOptions),
            state.default.map(HostChange::Default),
            value,
        ];
        let changes = changes.into_iter().flatten();
        changes.map(|change| Self::of(py, &change)).collect()
    }
}

impl Event {
    fn of(py: Python<'_>, event: HostEvent, instance: &HostInstance) -> PyResult<Self> {
        Ok(match event {
            HostEvent::Log { level, message } => Self::Log {
                level: level_name(level).to_owned(),
                message,
            },
            HostEvent::Emitted { event, data } => Self::Emitted {
                event,
                data: values::from_text(py, data.as_str())?.unbind(),
            },
            HostEvent::TriggerRequested { method } => Self::TriggerRequested { method },
            HostEvent::InputChanged {
                node,
                method,
                input,
                change,
            } => Self::InputChanged {
                node,
                method,
                input,
                change: Py::new(py, InputChange::of(py, &change)?)?,
            },
            HostEvent::ConfigSaid => Self::ConfigSaid {
                config: values::from_json(py, &instance.config())?.unbind(),
            },
            HostEvent::Progress {
                node,
                fraction,
                message,
                elapsed,
            } => Self::Progress {
                node: node.map(|node| node.to_string()),
                fraction,
                message,
                elapsed: elapsed.as_secs_f64(),
            },
            HostEvent::Denied { message } => Self::Denied { message },
            HostEvent::LoopFailed { message } => Self::LoopFailed { message },
            HostEvent::State(state) => {
                let (state, reason) = state.named();
                Self::State {
                    state: state.to_owned(),
                    reason,
                }
            }
        })
    }
}

/// The events of an instance from when it was asked for them until it ends. They hold the instance: whoever listens
/// to the end wants it to go on.
#[pyclass(frozen, module = "external_worker_host")]
pub struct Events {
    listener: Arc<tokio::sync::Mutex<Listener>>,
    instance: HostInstance,
    /// Whether the last of them was told.
    is_over: Arc<AtomicBool>,
}

/// What came next; `None`: nothing will.
type Next = Option<Result<Arc<HostEvent>, u64>>;

fn next(received: Result<Arc<HostEvent>, RecvError>) -> Next {
    match received {
        Ok(event) => Some(Ok(event)),
        Err(RecvError::Lagged(count)) => Some(Err(count)),
        Err(RecvError::Closed) => None,
    }
}

impl Events {
    /// Those that `listener` hears of `instance`.
    pub fn of(listener: Listener, instance: HostInstance) -> Self {
        Self {
            listener: Arc::new(tokio::sync::Mutex::new(listener)),
            instance,
            is_over: Arc::default(),
        }
    }

    /// What is there already.
    fn ready(&self) -> Option<Next> {
        if self.is_over.load(Ordering::Acquire) {
            return Some(None);
        }
        let mut listener = self.listener.try_lock().ok()?;
        match listener.try_recv() {
            Ok(event) => Some(Some(Ok(event))),
            Err(TryRecvError::Lagged(count)) => Some(Some(Err(count))),
            Err(TryRecvError::Closed) => Some(None),
            Err(TryRecvError::Empty) => None,
        }
    }
}

/// What came next, for Python; `None`: nothing will, after the end of the instance.
fn shown(
    py: Python<'_>,
    next: Next,
    instance: &HostInstance,
    is_over: &AtomicBool,
) -> PyResult<Option<Py<PyAny>>> {
    let event = match next {
        None => return Ok(None),
        Some(Err(count)) => Event::Missed { count },
        Some(Ok(event)) => {
            let is_last = matches!(*event, HostEvent::State(State::Ended(_)));
            is_over.fetch_or(is_last, Ordering::AcqRel);
            Event::of(py, Arc::unwrap_or_clone(event), instance)?
        }
    };
    Ok(Some(event.into_pyobject(py)?.into_any().unbind()))
}

#[pymethods]
impl Events {
    fn __aiter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __anext__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ended = || PyStopAsyncIteration::new_err(());
        if let Some(next) = self.ready() {
            let event = shown(py, next, &self.instance, &self.is_over)?.ok_or_else(ended)?;
            return Ok(Bound::new(py, Ready::with(Ok(event)))?.into_any());
        }
        let (listener, instance) = (Arc::clone(&self.listener), self.instance.clone());
        let is_over = Arc::clone(&self.is_over);
        bell::awaited(py, async move {
            let next = next(listener.lock().await.recv().await);
            let event =
                move |py: Python<'_>| shown(py, next, &instance, &is_over)?.ok_or_else(ended);
            Ok(Box::new(event) as Answer)
        })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let runtime = control::runtime()?;
        let next = loop {
            if let Some(next) = self.ready() {
                break next;
            }
            let heard = py.detach(|| {
                runtime.block_on(async {
                    let recv = async { next(self.listener.lock().await.recv().await) };
                    tokio::time::timeout(SIGNALS, recv).await
                })
            });
            match heard {
                Ok(next) => break next,
                Err(_) => py.check_signals()?,
            }
        };
        shown(py, next, &self.instance, &self.is_over)?.ok_or_else(|| PyStopIteration::new_err(()))
    }
}
