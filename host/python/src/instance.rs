//! One instance, for Python.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use external_worker_host::HostError;
use external_worker_host::instance::description::Class;
use external_worker_host::instance::events::Listener;
use external_worker_host::instance::exports::Output;
use external_worker_host::instance::{Caller, Instance as HostInstance, Starting};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::classes::{Shelf, WorkerClass};
use crate::component::Component;
use crate::control;
use crate::events::{Events, InputChange};
use crate::graph::Reader;
use crate::pending::{Answer, Habit, Pending, answer};
use crate::values;

/// A running external worker. It is stopped when nobody has it any more.
#[pyclass(frozen, module = "external_worker_host")]
pub struct Instance {
    instance: HostInstance,
    class: Py<WorkerClass>,
    component: Py<Component>,
    started: Shared<BoxFuture<'static, Result<(), Arc<HostError>>>>,
    /// What it told before anybody asked for its events.
    first: Mutex<Option<Listener>>,
    habit: Arc<Habit>,
}

/// What an instance did and uses.
#[pyclass(frozen, get_all, module = "external_worker_host")]
pub struct Status {
    state: &'static str,
    reason: Option<String>,
    paused: bool,
    turns: u64,
    /// Seconds between two turns of its loop.
    loop_delay: f64,
    loop_errors: u64,
    last_error: Option<String>,
    open_calls: usize,
    restarts: u32,
    /// Seconds of the processor in all.
    cpu: f64,
    /// Bytes that the host holds for it.
    memory: u64,
    /// The most that they ever were.
    memory_peak: u64,
}

impl Instance {
    /// An instance of `component` that begins. What it tells is kept until somebody asks for its events.
    pub fn starting(
        component: &Bound<'_, Component>,
        starting: Starting,
        events: Listener,
        class: &Class,
    ) -> PyResult<Self> {
        let py = component.py();
        let class = component.get().class(py, class.id());
        let class = class.ok_or_else(|| PyValueError::new_err("the class is gone"))?;
        let instance = starting.instance().clone();
        let through = async move { starting.started().await.map(drop).map_err(Arc::new) };
        let started = through.boxed().shared();
        // It goes on whether anybody waits for it or not.
        let runtime = control::runtime()?;
        drop(py.detach(|| runtime.spawn(started.clone())));
        Ok(Self {
            instance,
            class,
            component: component.clone().unbind(),
            started,
            first: Mutex::new(Some(events)),
            habit: Arc::default(),
        })
    }

    /// Waits until it has started.
    pub fn start_through(&self) -> impl Future<Output = Result<(), HostError>> + Send + 'static {
        let started = self.started.clone();
        async move { started.await.map_err(|error| again(&error)) }
    }

    /// Nobody asked for the events so far, and nobody wants those that were.
    pub fn forget_first(&self) {
        self.first_events().take();
    }

    fn first_events(&self) -> std::sync::MutexGuard<'_, Option<Listener>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call, which most likely is soon over.
    fn begin_quick(
        &self,
        py: Python<'_>,
        called: impl Future<Output = Result<Answer, HostError>> + Send + 'static,
    ) -> PyResult<Pending> {
        Pending::begin_quick(py, called, &self.habit, self.instance.prepared().engine())
    }

    /// Begins something that is asked of the instance.
    fn ask<F, T>(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(HostInstance) -> F,
        answer: impl FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> PyResult<Pending>
    where
        F: Future<Output = Result<T, HostError>> + Send + 'static,
        T: Send + 'static,
    {
        let asked = ask(self.instance.clone());
        Pending::begin(py, async move {
            let value = asked.await?;
            Ok(Box::new(move |py: Python<'_>| answer(py, value)) as Answer)
        })
    }
}

/// The error once more, since all who wait for a start hear of it.
fn again(error: &HostError) -> HostError {
    match error {
        HostError::MissingGrants(missing) => HostError::MissingGrants(missing.clone()),
        HostError::Guest { code, message } => HostError::Guest {
            code: *code,
            message: message.clone(),
        },
        HostError::Config(problem) => HostError::Config(problem.clone()),
        HostError::Deadline { what, limit_ms } => HostError::Deadline {
            what: what.clone(),
            limit_ms: *limit_ms,
        },
        HostError::Capability {
            capability,
            problem,
        } => HostError::Capability {
            capability,
            problem: problem.clone(),
        },
        other => HostError::Ended(other.to_string()),
    }
}

#[pymethods]
impl Instance {
    /// Its uuid: 32 hexadecimal digits.
    #[getter]
    fn uuid(&self) -> String {
        self.instance.uuid().simple().to_string()
    }

    /// Its name, which may be set: it has the new one when it asks.
    #[getter]
    fn name(&self) -> String {
        self.instance.name().to_string()
    }

    #[setter]
    fn set_name(&self, name: &str) {
        self.instance.rename(name);
    }

    /// Its class.
    #[getter]
    fn class_(&self, py: Python<'_>) -> Py<WorkerClass> {
        self.class.clone_ref(py)
    }

    /// What it is an instance of.
    #[getter]
    fn component(&self, py: Python<'_>) -> Py<Component> {
        self.component.clone_ref(py)
    }

    /// The configuration in force, with its secrets.
    #[getter]
    fn config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::from_json(py, &self.instance.config())
    }

    /// The configuration without what exports leave out; `None` before it was checked.
    #[getter]
    fn public_config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::from_json(py, &self.instance.public_config())
    }

    /// What it does and uses.
    #[getter]
    fn status(&self) -> Status {
        let status = self.instance.status();
        let (state, reason) = status.state.named();
        Status {
            state,
            reason,
            paused: status.turns.paused,
            turns: status.turns.turns,
            loop_delay: status.turns.delay.as_secs_f64(),
            loop_errors: status.turns.errors,
            last_error: status.turns.last_error,
            open_calls: status.open_calls,
            restarts: status.restarts,
            cpu: status.cpu.as_secs_f64(),
            memory: status.memory,
            memory_peak: status.memory_peak,
        }
    }

    /// Waits until it has started.
    fn started(&self, py: Python<'_>) -> PyResult<Pending> {
        let started = self.start_through();
        self.ask(py, |_| started, |py, ()| Ok(py.None()))
    }

    /// Calls a method, or a shelf's node by its path, with the inputs in `inputs` and those that are named. One output
    /// is that value, none is `None`, and more are a dictionary by their names. As many calls run at once as the
    /// budget says, and a further one is refused.
    #[pyo3(signature = (method, inputs=None, /, **named))]
    fn call(
        &self,
        py: Python<'_>,
        method: String,
        inputs: Option<&Bound<'_, PyDict>>,
        named: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Pending> {
        let mut all = inputs.map(values::ports).transpose()?.unwrap_or_default();
        all.extend(named.map(values::ports).transpose()?.unwrap_or_default());
        let instance = self.instance.clone();
        let called = async move {
            let outputs = instance.call(&method, all).await?;
            Ok(Box::new(move |py: Python<'_>| values::one(py, outputs)) as Answer)
        };
        self.begin_quick(py, called)
    }

    /// Calls it as the node `node` of a graph, which waits where as many calls run as may, and is told of progress.
    /// The outputs are a dictionary by their names.
    #[pyo3(signature = (node, method, inputs, /))]
    fn call_as(
        &self,
        py: Python<'_>,
        node: String,
        method: String,
        inputs: &Bound<'_, PyDict>,
    ) -> PyResult<Pending> {
        let inputs = values::ports(inputs)?;
        let instance = self.instance.clone();
        let called = async move {
            let caller = Caller {
                place: instance.place().await,
                node: Some(node.into()),
            };
            let outputs = instance.call_at(caller, &method, inputs).await?;
            let port = |output: Output| (output.name, output.value.into_value());
            let outputs = outputs.into_iter().map(port).collect();
            Ok(Box::new(move |py: Python<'_>| values::named(py, outputs)) as Answer)
        };
        self.begin_quick(py, called)
    }

    /// Merges `patch` into the configuration, property by property.
    fn update_config(&self, py: Python<'_>, patch: &Bound<'_, PyDict>) -> PyResult<Pending> {
        let patch = values::to_json(patch)?;
        let update = |it: HostInstance| async move { it.update_config(patch).await };
        self.ask(py, update, |py, ()| Ok(py.None()))
    }

    /// The shelves that it offers now; `None`: none.
    fn shelves(&self, py: Python<'_>) -> PyResult<Pending> {
        let shelves = |it: HostInstance| async move { it.shelves().await };
        self.ask(py, shelves, |py, shelves| match shelves {
            None => Ok(py.None()),
            Some(shelves) => {
                let tree = Shelf::tree(py, &shelves)?;
                Ok(tree.into_pyobject(py)?.into_any().unbind())
            }
        })
    }

    /// What another instance goes on from; `None`: it has no state.
    fn save(&self, py: Python<'_>) -> PyResult<Pending> {
        let save = |it: HostInstance| async move { it.save().await };
        self.ask(py, save, |py, state| {
            let state = state.map(|state| PyBytes::new(py, &state).unbind());
            Ok(state.into_pyobject(py)?.into_any().unbind())
        })
    }

    /// Lets its loop rest, for so many seconds or for good.
    #[pyo3(signature = (seconds=None))]
    fn pause(&self, seconds: Option<f64>) {
        let turns = self.instance.turns();
        match seconds.and_then(|it| Duration::try_from_secs_f64(it.max(0.0)).ok()) {
            Some(wait) => turns.resume_in(wait),
            None => turns.pause(),
        }
    }

    /// Lets its loop go on.
    fn resume(&self) {
        self.instance.turns().resume();
    }

    /// Lets the loop turn `count` times without the pauses between.
    #[pyo3(signature = (count=1))]
    fn turn(&self, py: Python<'_>, count: u32) -> PyResult<Pending> {
        let turn = |it: HostInstance| async move {
            it.turn(count).await;
            Ok(())
        };
        self.ask(py, turn, |py, ()| Ok(py.None()))
    }

    /// Stops the guest and starts it again, with its uuid, configuration, nodes and state.
    fn restart(&self) {
        self.instance.restart();
    }

    /// Stops it: `stop` in the guest, then everything that it held is given back. The answer says how it ended.
    fn stop(&self, py: Python<'_>) -> PyResult<Pending> {
        let stop = |it: HostInstance| async move { Ok(it.stop().await.to_string()) };
        self.ask(py, stop, |py, end| answer(end)(py))
    }

    /// Ends it without asking the guest.
    fn kill(&self, py: Python<'_>, reason: String) -> PyResult<Pending> {
        let kill = |it: HostInstance| async move { Ok(it.kill(&reason).await.to_string()) };
        self.ask(py, kill, |py, end| answer(end)(py))
    }

    /// What it tells from now on; of an instance that began, what it told since, the first time.
    fn events(&self) -> Events {
        let first = self.first_events().take();
        let listener = first.unwrap_or_else(|| self.instance.events());
        Events::of(listener, self.instance.clone())
    }

    /// A node of a graph was made from `method`: the guest may look at the value in force at an input, which `read`
    /// tells by the input's name, and change it, which is an event. The answer is what the node begins with.
    fn attach(
        &self,
        py: Python<'_>,
        method: &str,
        node: &str,
        read: Py<PyAny>,
    ) -> PyResult<Vec<(String, InputChange)>> {
        let graph = Arc::new(Reader::new(read));
        let surface = self.instance.surface();
        let inputs = surface.attach(method, node, Some(graph));
        let inputs = inputs.map_err(|error| PyValueError::new_err(error.to_string()))?;
        let mut begins_with = Vec::new();
        for (input, state) in inputs.all() {
            for change in InputChange::all(py, state)? {
                begins_with.push((input.clone(), change));
            }
        }
        Ok(begins_with)
    }

    /// The node was removed.
    fn detach(&self, node: &str) {
        self.instance.surface().detach(node);
    }

    /// The graph has, or has refused, a value that the guest set at an input of a node.
    fn arrived(&self, method: &str, node: &str, input: &str) {
        self.instance.surface().arrived(method, node, input);
    }

    fn __repr__(&self) -> String {
        format!("Instance({:?})", &*self.instance.name())
    }
}
