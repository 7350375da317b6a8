//! The nodes of somebody's graph, which a guest may look at.

use std::sync::{PoisonError, RwLock};

use external_worker_host::bindings::types::Value;
use external_worker_host::instance::surface::{Graph, Refused};
use external_worker_host::instance::value;
use pyo3::prelude::*;
use pyo3::types::PyCFunction;

use crate::values;

/// Whether the interpreter is about to end: guests read nothing of it any more. Who reads has this, so that nobody is
/// in the interpreter when it ends.
static IS_OVER: RwLock<bool> = RwLock::new(false);

/// When the interpreter ends, it waits for those who read, and lets nobody in after them.
pub fn leave_at_exit(py: Python<'_>) -> PyResult<()> {
    let leave = PyCFunction::new_closure(py, None, None, |arguments, _named| {
        let close = || *IS_OVER.write().unwrap_or_else(PoisonError::into_inner) = true;
        arguments.py().detach(close);
    })?;
    py.import("atexit")?.call_method1("register", (leave,))?;
    Ok(())
}

/// Asks Python for the value in force at an input.
pub struct Reader {
    read: Py<PyAny>,
}

impl Reader {
    /// Asks `read`, which is called with the input's name.
    pub fn new(read: Py<PyAny>) -> Self {
        Self { read }
    }
}

impl Graph for Reader {
    fn value(&self, _node: &str, input: &str, most: u64) -> Result<Option<Value>, Refused> {
        let is_over = IS_OVER.read().unwrap_or_else(PoisonError::into_inner);
        if *is_over {
            return Ok(None);
        }
        let read = Python::try_attach(|py| {
            let value = self.read.bind(py).call1((input,))?;
            match value.is_none() {
                true => Ok(None),
                false => values::to_guest(&value).map(Some),
            }
        });
        drop(is_over);
        // What no guest can be given is no value for it, and an interpreter that ends has none.
        let value = match read {
            Some(Ok(value)) => value,
            Some(Err(_)) | None => None,
        };
        match value {
            Some(value) if value::size(&value) > most => Err(Refused::TooLarge {
                input: input.to_owned(),
                size: value::size(&value),
                most,
            }),
            value => Ok(value),
        }
    }
}
