//! The nodes of somebody's graph, which a guest may look at.

use external_worker_host::bindings::types::Value;
use external_worker_host::instance::surface::{Graph, Refused};
use external_worker_host::instance::value;
use pyo3::prelude::*;

use crate::values;

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
        let read = Python::try_attach(|py| {
            let value = self.read.bind(py).call1((input,))?;
            match value.is_none() {
                true => Ok(None),
                false => values::to_guest(&value).map(Some),
            }
        });
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
