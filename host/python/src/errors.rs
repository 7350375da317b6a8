//! What went wrong, as exceptions of Python.

use external_worker_host::HostError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// Where the exceptions are defined: one of them has two bases, which is said in Python.
const MODULE: &str = "external_worker_host._errors";

static RAISE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// The exception for `error`, with its code.
pub fn raised(error: &HostError) -> PyErr {
    let (kind, code) = match error {
        HostError::MissingGrants(_) => ("MissingGrants", "missing-grants"),
        HostError::Guest { code, .. } => ("GuestError", code.name()),
        HostError::Ended(_) => ("Ended", "ended"),
        HostError::Deadline { .. } => ("Deadline", "deadline"),
        HostError::Busy(_) => ("Busy", "busy"),
        HostError::Exhausted(_) => ("SandboxError", "exhausted"),
        HostError::Full(_) => ("SandboxError", "full"),
        HostError::Config(_) => ("SandboxError", "invalid-config"),
        HostError::Value(_) => ("SandboxError", "invalid-value"),
        HostError::Cancelled => ("SandboxError", "cancelled"),
        HostError::Policy(_) => ("SandboxError", "policy"),
        HostError::UnknownClass { .. } => ("SandboxError", "unknown-class"),
        HostError::Component { .. } | HostError::Description(_) => ("SandboxError", "component"),
        HostError::File { .. } => ("SandboxError", "file"),
        HostError::Capability { .. } => ("SandboxError", "unavailable"),
        HostError::Tenants { .. } | HostError::Certificates(_) | HostError::Engine(_) => {
            ("SandboxError", "engine")
        }
    };
    refused(kind, code, error.to_string())
}

/// The exception `kind` with this code.
pub fn refused(kind: &str, code: &str, message: String) -> PyErr {
    Python::attach(|py| {
        let make = RAISE.import(py, MODULE, "make");
        let made = make.and_then(|make| make.call1((kind, code, message)));
        match made {
            Ok(exception) => PyErr::from_value(exception),
            Err(error) => error,
        }
    })
}
