//! What the capabilities are made of: in a component the host's imports, on the author's own machine the
//! bench of [`testing`](crate::testing). Both have the same names and functions, so nothing above this
//! knows which one it is on; no other file chooses between them, but `host`.

#[cfg(target_family = "wasm")]
mod component;
#[cfg(target_family = "wasm")]
pub(crate) use self::component::*;

#[cfg(not(target_family = "wasm"))]
pub(crate) mod native;
#[cfg(not(target_family = "wasm"))]
pub(crate) use self::native::*;
