//! The tests of the control plane from outside, one binary: linking is what takes time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "in tests a panic is how something is found"
)]

mod bench;
mod deeds;
mod document;
mod events;
mod hostile;
mod others;
mod repeats;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
mod tenants;
mod tokens;
