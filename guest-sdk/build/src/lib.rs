//! Finds or prepares the guest toolchain and builds guest crates with it.
//!
//! `ewh build`, the demo and the test build all need the target `wasm32-wasip2`, and machines differ
//! in how they come by it. That knowledge is here, once:
//!
//! 1. an installed target (`rustup target add wasm32-wasip2` was run before);
//! 2. Debian's `rustc-web`, `rust-web-src` and `wasi-libc`, from which cargo builds `std` itself;
//! 3. failing both, installing the first or else the second, unless [`NO_INSTALL`] is set.
//!
//! What is there is used before anything is fetched, so a prepared machine needs no network.
//! [`GUEST_TOOLCHAIN`] keeps it to the first or the second, for who tests guests of both.
//!
//! Workers in JavaScript have a `package.json` instead of a crate: [`JsPackage`]. Those in Python are scripts,
//! which are not built; what they run on is: [`prepare_python`].
//!
//! ```no_run
//! use external_worker_build::{BuildRequest, Stderr, Toolchain};
//!
//! # fn main() -> Result<(), external_worker_build::Error> {
//! let mut progress = Stderr::default();
//! let toolchain = Toolchain::find(&mut progress)?;
//! let built = toolchain.build(&BuildRequest::new("guests/examples/thermometer"), &mut progress)?;
//! for artifact in built {
//!     println!("{}: {}", artifact.package, artifact.path.display());
//! }
//! # Ok(())
//! # }
//! ```

mod build;
mod command;
mod component;
mod environment;
mod error;
mod javascript;
mod lock;
mod messages;
mod progress;
mod project;
mod python;
mod remap;
mod toolchain;

pub use build::{Artifact, BuildRequest, QUICK_PROFILE, SMALL_PROFILE};
pub use component::{WasmKind, wasm_kind};
pub use environment::clean as without_outer_build;
pub use error::Error;
pub use javascript::{JS_COMPILER, JS_COMPILER_VERSION, JsPackage};
pub use progress::{Progress, Silent, Stderr};
pub use project::{Package, ProjectKind, Workspace, project_kind};
pub use python::{PYTHON_RUNTIME, prepare_python, python_place, vendor_python};
pub use toolchain::{
    DebianPackage, GUEST_TOOLCHAIN, NO_INSTALL, Route, TARGET, Toolchain, prepare_packages,
};
