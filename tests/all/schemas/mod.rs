//! No value that a schema marks leaves the host, however the schema says it: over random schemas that
//! use every keyword, and over those that pydantic makes.
//!
//! `EWH_CASES=100000 EWH_SEED=1 cargo test --test all schemas:: -- --nocapture` tries as many as it is told
//! and prints the seed.

mod exits;
mod make;
mod models;
mod random;
