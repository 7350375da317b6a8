//! The tests, one binary: linking the host once is what takes time.

mod capability;
mod hostile;
mod languages;
mod leaks;
mod lifecycle;
mod worker;
