//! The attribute macros of external-worker.
