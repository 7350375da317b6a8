//! What the operator grants.

use std::path::{Path, PathBuf};

use external_worker_host::component::stem;
use external_worker_host::policy::{Guarded, Policy as HostPolicy, PolicyError};
use pyo3::prelude::*;

use crate::errors;

/// What is granted, and the budget. `Policy()` grants nothing.
#[pyclass(frozen, module = "external_worker_host")]
pub struct Policy(pub HostPolicy);

#[pymethods]
impl Policy {
    #[new]
    fn new() -> Self {
        Self(HostPolicy::default())
    }

    /// Reads a policy from TOML; `origin` names it in errors.
    #[staticmethod]
    #[pyo3(signature = (text, origin="the policy"))]
    fn parse(text: &str, origin: &str) -> PyResult<Self> {
        Ok(Self(HostPolicy::parse(text, origin).map_err(wrong)?))
    }

    /// Reads a policy from a file.
    #[staticmethod]
    fn load(path: PathBuf) -> PyResult<Self> {
        Ok(Self(HostPolicy::load(&path).map_err(wrong)?))
    }

    /// Reads the policy beside a component: `NAME.policy.toml` beside `NAME.wasm`. Without one, nothing is granted.
    #[staticmethod]
    fn beside(component: PathBuf) -> PyResult<Self> {
        Ok(Self(beside(&component).map_err(wrong)?))
    }
}

fn wrong(error: PolicyError) -> PyErr {
    errors::raised(&error.into())
}

/// The policy in force for the component in this file.
pub fn beside(component: &Path) -> Result<HostPolicy, PolicyError> {
    let stem = stem(component).unwrap_or_default();
    let file = component.with_file_name(format!("{stem}.policy.toml"));
    match file.try_exists() {
        Ok(false) => Ok(HostPolicy::default()),
        // What cannot be looked at cannot be read either, and says why.
        _ => HostPolicy::load_beside(&file, &guarded(&file)),
    }
}

/// What no grant may reach: the policy itself.
fn guarded(file: &Path) -> Guarded {
    let guarded = Guarded::default();
    guarded.keep(file, "the policy itself");
    guarded
}
