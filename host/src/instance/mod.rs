//! One running external worker.

pub mod host;
