//! Sandbox host for external workers, as WebAssembly components.
//!
//! A component is read and compiled, held against a policy, and started as an instance of its own:
//!
//! ```no_run
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! What an embedder needs is in [`engine`], [`component`], [`policy`] and [`instance`]; [`validate`] judges
//! components before they run. The features add what is built on these: `registry` what OCI registries have,
//! `server` a Worker with its graph, its store, the FuncNodes protocol and tenants, `cli` the command `ewh`.
//! `ARCHITECTURE.md` is the map.

pub mod archive;
pub mod bindings;
pub mod capability;
#[cfg(feature = "cli")]
pub mod cli;
pub mod component;
pub mod engine;
pub mod error;
pub mod executor;
pub mod instance;
pub mod json;
pub mod limits;
pub mod media;
pub mod nodespace;
pub mod policy;
#[cfg(feature = "registry")]
pub mod registry;
#[cfg(feature = "server")]
pub mod server;
pub mod simulate;
#[cfg(feature = "server")]
pub mod tenant;
pub mod text;
pub mod validate;
pub mod values;
pub mod wasm;
#[cfg(feature = "server")]
pub mod worker;

pub use error::{HostError, Result};
