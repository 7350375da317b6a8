//! Sandbox host for external workers. `ARCHITECTURE.md` is the map.

pub mod bindings;
pub mod capability;
pub mod cli;
pub mod component;
pub mod engine;
pub mod error;
pub mod executor;
pub mod instance;
pub mod json;
pub mod limits;
pub mod nodespace;
pub mod policy;
pub mod registry;
pub mod server;
pub mod simulate;
pub mod tenant;
pub mod text;
pub mod validate;
pub mod wasm;
pub mod worker;

pub use error::{HostError, Result};
