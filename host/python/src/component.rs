//! Components, held against a policy, and how instances begin.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use external_worker_host::HostError;
use external_worker_host::audit::Auditor;
use external_worker_host::component::{LoadedComponent, PreparedComponent};
use external_worker_host::instance::{Folder, Instance as HostInstance, Spec};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use uuid::Uuid;

use crate::classes::WorkerClass;
use crate::engine::Engine;
use crate::errors;
use crate::instance::Instance;
use crate::pending::{Answer, Pending, answer};
use crate::policy::{self, Policy};
use crate::values;

/// A component, or a program in Python, that a policy covers: what instances are made of.
#[pyclass(frozen, module = "external_worker_host")]
pub struct Component {
    prepared: Arc<PreparedComponent>,
    engine: Py<Engine>,
    #[pyo3(get)]
    classes: Vec<Py<WorkerClass>>,
}

#[pymethods]
impl Component {
    /// Reads the file at `path`, compiles it where it is not known yet, holds it against `policy`, by default the one
    /// that is beside it, and lets it describe itself.
    #[staticmethod]
    #[pyo3(signature = (path, *, policy=None, engine=None))]
    fn load(
        py: Python<'_>,
        path: PathBuf,
        policy: Option<Py<Policy>>,
        engine: Option<Py<Engine>>,
    ) -> PyResult<Pending> {
        let engine = match engine {
            Some(engine) => engine,
            None => Engine::standard(py)?,
        };
        let host = engine.get().here()?.clone();
        let policy = policy.map(|it| it.get().0.clone());
        Pending::begin(py, async move {
            let policy = match policy {
                Some(policy) => policy,
                None => policy::beside(&path)?,
            };
            let loaded = LoadedComponent::take_in(&host, &path, &policy.budget).await?;
            let prepared = Arc::new(Arc::new(loaded).prepare(&policy).await?);
            let component: Answer = Box::new(move |py| {
                let component = Self::of(py, prepared, engine)?;
                Ok(Py::new(py, component)?.into_any())
            });
            Ok(component)
        })
    }

    /// The file's name.
    #[getter]
    fn name(&self) -> &str {
        self.prepared.component().name()
    }

    /// The hash of what it is, in hexadecimal: BLAKE3.
    #[getter]
    fn hash(&self) -> String {
        self.prepared.component().hash().to_hex().to_string()
    }

    /// Whether it is a program in Python.
    #[getter]
    fn is_script(&self) -> bool {
        self.prepared.component().is_program()
    }

    /// Whether its instances save a state.
    #[getter]
    fn keeps_state(&self) -> bool {
        self.prepared.component().keeps_state()
    }

    /// The capabilities that it asks for, each with its reason.
    #[getter]
    fn requests(&self) -> BTreeMap<&'static str, String> {
        let requests = self.prepared.component().manifest().requests.iter();
        requests
            .map(|(capability, reason)| (capability.name(), reason.clone()))
            .collect()
    }

    /// Starts an instance, and waits until it has started. `class_id`: by default the first class. `folder`: where
    /// the files of its own are, if it may have any; by default, until it ends.
    #[pyo3(signature = (class_id=None, *, config=None, uuid=None, name=None, state=None, folder=None))]
    #[allow(clippy::too_many_arguments, reason = "all but the first are named")]
    fn start(
        slf: Bound<'_, Self>,
        class_id: Option<&str>,
        config: Option<&Bound<'_, PyDict>>,
        uuid: Option<&str>,
        name: Option<String>,
        state: Option<Vec<u8>>,
        folder: Option<PathBuf>,
    ) -> PyResult<Pending> {
        let py = slf.py();
        let instance = Self::begin(slf, class_id, config, uuid, name, state, folder)?;
        instance.forget_first();
        let started = instance.start_through();
        let instance = Py::new(py, instance)?;
        Pending::begin(py, async move {
            started.await?;
            Ok(answer(instance))
        })
    }

    /// Begins to start an instance: what it is asked waits until it has started, which `started` tells.
    #[pyo3(signature = (class_id=None, *, config=None, uuid=None, name=None, state=None, folder=None))]
    #[allow(clippy::too_many_arguments, reason = "all but the first are named")]
    fn begin(
        slf: Bound<'_, Self>,
        class_id: Option<&str>,
        config: Option<&Bound<'_, PyDict>>,
        uuid: Option<&str>,
        name: Option<String>,
        state: Option<Vec<u8>>,
        folder: Option<PathBuf>,
    ) -> PyResult<Instance> {
        let this = slf.get();
        this.engine.get().here()?;
        let class = match class_id {
            Some(id) => this.prepared.class(id),
            None => first(&this.prepared),
        };
        let class = class.map_err(|error| errors::raised(&error))?;
        let uuid = match uuid {
            Some(text) => Uuid::try_parse(text)
                .map_err(|error| PyValueError::new_err(format!("`{text}`: {error}")))?,
            None => Uuid::new_v4(),
        };
        let config = match config {
            Some(config) => values::to_json(config)?,
            None => serde_json::json!({}),
        };
        let spec = Spec {
            class_id: class.id().to_owned(),
            uuid,
            name: name.unwrap_or_else(|| format!("{}({})", class.declared.title, uuid.simple())),
            config,
            state,
            folder: folder.map_or_else(Folder::temporary, Folder::at),
            auditor: Auditor::default(),
            secrets: Default::default(),
        };
        let begun = slf
            .py()
            .detach(|| HostInstance::begin(&this.prepared, spec));
        let (starting, events) = begun.map_err(|error| errors::raised(&error))?;
        Instance::starting(&slf, starting, events, &class)
    }

    fn __repr__(&self) -> String {
        format!("Component({:?})", self.name())
    }
}

impl Component {
    fn of(py: Python<'_>, prepared: Arc<PreparedComponent>, engine: Py<Engine>) -> PyResult<Self> {
        let classes = prepared.classes().iter();
        let classes = classes.map(|class| WorkerClass::of(py, class));
        Ok(Self {
            classes: classes.collect::<PyResult<_>>()?,
            prepared,
            engine,
        })
    }

    /// The class of this id.
    pub fn class(&self, py: Python<'_>, id: &str) -> Option<Py<WorkerClass>> {
        let at = self
            .prepared
            .classes()
            .iter()
            .position(|it| it.id() == id)?;
        self.classes.get(at).map(|class| class.clone_ref(py))
    }
}

fn first(
    prepared: &PreparedComponent,
) -> Result<Arc<external_worker_host::instance::description::Class>, HostError> {
    match prepared.classes().first() {
        Some(class) => Ok(Arc::clone(class)),
        None => Err(HostError::Description("it describes no class".to_owned())),
    }
}
