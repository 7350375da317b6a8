//! Sandbox host for external workers. `ARCHITECTURE.md` is the map.

pub mod error;
pub mod limits;
pub mod text;
pub mod policy;
pub mod bindings;
pub mod capability;
pub mod component;
pub mod engine;
pub mod instance;

pub use error::{HostError, Result};
