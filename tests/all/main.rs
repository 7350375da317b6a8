//! The tests, one binary: linking the host once is what takes time.

mod capability;
mod cli;
mod hostile;
mod languages;
mod leaks;
mod lifecycle;
mod tidy;
mod worker;
