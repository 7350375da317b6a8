//! A guide for authors, in the order in which a worker grows. Every example compiles, and runs where it needs
//! no devices. It is for Rust; `ewh new --lang js` makes a worker in JavaScript, and says there what is different.
//!
//! 1. [`first_worker`]: a crate, a class, a node, a loop.
//! 2. [`configuration`]: what users set, and secrets.
//! 3. [`nodes`]: inputs, outputs, their types, and how they are shown.
//! 4. [`shelf`]: further nodes, made while the worker runs.
//! 5. [`libraries`]: plain functions as nodes.
//! 6. [`devices`]: serial ports.
//! 7. [`networks`]: TCP, UDP and HTTP.
//! 8. [`tests`](self::testing): tests without devices.
//! 9. [`publishing`]: requests, checks and registries.
//! 10. [`budgets`]: what an instance may use.
//! 11. [`crates`]: which libraries work.

pub mod budgets;
pub mod configuration;
pub mod crates;
pub mod devices;
pub mod first_worker;
pub mod libraries;
pub mod networks;
pub mod nodes;
pub mod publishing;
pub mod shelf;
pub mod testing;
