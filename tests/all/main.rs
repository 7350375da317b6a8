//! The tests, one binary: linking the host once is what takes time.

mod capability;
mod cli;
mod fuzz;
mod instance;
mod languages;
mod peer;
mod pipelines;
mod python;
mod registry;
mod schemas;
mod server;
mod testing;
mod tidy;
mod tls;
mod validate;
mod worker;
