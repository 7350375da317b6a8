//! The tests, one binary: linking the host once is what takes time.

mod busy;
mod capability;
mod cli;
mod fuzz;
mod instance;
mod languages;
mod leaks;
mod lifecycle;
mod model;
mod peer;
mod registry;
mod schemas;
mod server;
mod state;
mod store;
mod tidy;
mod tls;
mod validate;
mod worker;
