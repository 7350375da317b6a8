//! The thread that drives whatever was begun. Guests have their own.

use std::io;
use std::sync::LazyLock;

use pyo3::prelude::*;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("ewh-control")
        .enable_all()
        .build()
});

/// It, started at its first use.
///
/// # Errors
/// When the system gives no thread.
pub fn runtime() -> PyResult<&'static Runtime> {
    let failed = |error: &io::Error| io::Error::new(error.kind(), error.to_string()).into();
    RUNTIME.as_ref().map_err(failed)
}
