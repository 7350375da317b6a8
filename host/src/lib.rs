//! Sandbox host for external workers. `ARCHITECTURE.md` is the map.

pub mod error;
pub mod limits;
pub mod policy;
pub mod bindings;
pub mod capability;
pub mod instance;

pub use error::{HostError, Result};
