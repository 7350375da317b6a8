//! The component that runs programs of a language that is interpreted, once it is compiled.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::OnceCell;
use wasmtime::component::Component;

use super::{Engine, Home};

/// A runtime, compiled once for an [`Engine`] and all programs on it.
pub(crate) struct Runtime {
    /// Its code.
    pub(crate) compiled: Component,
    /// Where its instances live.
    pub(crate) home: Home,
    /// Which one it is.
    pub(crate) hash: blake3::Hash,
    /// Instances of components with code in each of its own.
    pub(crate) running: u64,
}

impl Engine {
    /// The runtime of Python, once somebody asked for it.
    pub(crate) fn python(&self) -> &OnceCell<Arc<Runtime>> {
        &self.inner.python
    }

    /// Where the runtime of Python is, if this engine was told.
    pub fn python_file(&self) -> Option<&Path> {
        self.inner.python_file.as_deref()
    }
}
