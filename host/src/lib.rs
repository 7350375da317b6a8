//! Sandbox host for external workers, as WebAssembly components.
//!
//! A component is read and compiled, held against a policy, and started as an instance of its own:
//!
//! ```no_run
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! What an embedder needs is in [`engine`], [`component`], [`policy`] and [`instance`]; [`validate`] judges
//! components before they run, and [`audit`] keeps what happened. The features add what is built on these: `registry` what OCI registries have,
//! `server` a Worker with its graph, its store, the FuncNodes protocol and tenants, `cli` the command `ewh`.
//! `ARCHITECTURE.md` is the map.

pub mod audit;
pub mod bindings;
pub mod component;
pub mod engine;
pub mod error;
pub mod instance;
pub mod limits;
pub mod policy;
pub mod validate;

// What this repository's command, its Python package and its tests use besides. Nobody else should: it changes with them.
#[doc(hidden)]
pub mod archive;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod backup;
#[doc(hidden)]
pub mod capability;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[doc(hidden)]
pub mod executor;
#[doc(hidden)]
pub mod json;
#[doc(hidden)]
pub mod media;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod metrics;
#[doc(hidden)]
pub mod nodespace;
#[cfg(feature = "registry")]
#[doc(hidden)]
pub mod registry;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod server;
#[doc(hidden)]
pub mod simulate;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod tenant;
#[doc(hidden)]
pub mod text;
#[doc(hidden)]
pub mod values;
#[doc(hidden)]
pub mod wasm;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod worker;

pub use error::{HostError, Result};
