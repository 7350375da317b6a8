//! What guests run on: one engine for a process will do.

use std::path::PathBuf;

use external_worker_build::python_place;
use external_worker_host::engine::{
    Apart, CompileCache, Compiling, Engine as HostEngine, EngineOptions,
};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::errors;

/// Instances for which the pool has a place; further ones have memory of their own.
const POOL_INSTANCES: u32 = 256;

static DEFAULT: PyOnceLock<Py<Engine>> = PyOnceLock::new();

/// The threads and the memory of guests, and their compiler.
#[pyclass(frozen, module = "external_worker_host")]
pub struct Engine {
    engine: HostEngine,
    /// The process that made it: its threads are in no other.
    process: u32,
}

impl Engine {
    /// What it is made of, in the process that made it.
    ///
    /// # Errors
    /// In a process that was forked from that.
    pub fn here(&self) -> PyResult<&HostEngine> {
        match self.process == std::process::id() {
            true => Ok(&self.engine),
            false => Err(PyRuntimeError::new_err(
                "this engine was made before the process forked, and its threads are not in this one: \
                 make an Engine here",
            )),
        }
    }
}

#[pymethods]
impl Engine {
    /// `cache`: where compiled components are kept, by default that of `ewh`. `python`: the runtime of scripts in
    /// Python, by default that which `ewh python prepare` makes. `threads`: those that run guests, by default one
    /// for each core. `compiler`: the command `ewh` that compiles what is loaded, in processes of its own.
    #[new]
    #[pyo3(signature = (*, cache=None, python=None, threads=None, compiler=None))]
    fn new(
        py: Python<'_>,
        cache: Option<PathBuf>,
        python: Option<PathBuf>,
        threads: Option<usize>,
        compiler: Option<PathBuf>,
    ) -> PyResult<Self> {
        let compiler = match compiler {
            Some(compiler) => compiler,
            None => {
                let command = py.import("external_worker_host._command")?;
                command.getattr("find")?.call0()?.extract()?
            }
        };
        let options = EngineOptions {
            pool_instances: Some(POOL_INSTANCES),
            guest_threads: threads,
            python: python.or_else(python_place),
            ..EngineOptions::new(Compiling::Apart(Apart::new(
                compiler,
                vec!["prepare-one".into()],
            )))
        };
        let made = py.detach(|| {
            let dir = cache.or_else(CompileCache::default_dir);
            let cache = dir.map(CompileCache::open).transpose()?;
            HostEngine::new(EngineOptions { cache, ..options })
        });
        Ok(Self {
            engine: made.map_err(|error| errors::raised(&error))?,
            process: std::process::id(),
        })
    }

    /// The engine that is used where none is named, made at its first use.
    #[staticmethod]
    #[pyo3(name = "default")]
    pub fn standard(py: Python<'_>) -> PyResult<Py<Self>> {
        let make = || Py::new(py, Self::new(py, None, None, None, None)?);
        DEFAULT.get_or_try_init(py, make).map(|it| it.clone_ref(py))
    }
}
