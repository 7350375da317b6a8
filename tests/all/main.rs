//! The tests, one binary: linking the host once is what takes time.

mod capability;
mod cli;
mod instance;
mod languages;
mod leaks;
mod lifecycle;
mod oci;
mod peer;
mod server;
mod state;
mod store;
mod tidy;
mod validate;
mod worker;
