//! The sandbox host in a Python process: what `external_worker_host` is made of. `_native.pyi` is its contract.
//!
//! What is asked of a guest is a [`pending::Pending`], which both asyncio and plain threads wait for. No lock of the
//! interpreter is held while anything waits, and none is taken where the interpreter may end meanwhile.

mod bell;
mod classes;
mod component;
mod control;
mod engine;
mod errors;
mod events;
mod graph;
mod instance;
mod pending;
mod policy;
mod values;

use pyo3::prelude::*;

#[pymodule]
#[pyo3(name = "_native")]
mod native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::classes::{NodeClass, Port, Shelf, WorkerClass};
    #[pymodule_export]
    use super::component::Component;
    #[pymodule_export]
    use super::engine::Engine;
    #[pymodule_export]
    use super::events::{Event, Events, InputChange};
    #[pymodule_export]
    use super::instance::{Instance, Status};
    #[pymodule_export]
    use super::pending::Pending;
    #[pymodule_export]
    use super::policy::Policy;
    #[pymodule_export]
    use super::values::Media;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::graph::leave_at_exit(module.py())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
