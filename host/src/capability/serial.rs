//! Serial ports.

use wasmtime::component::Linker;

use super::{CapabilityView, Guard, Prepare};
use crate::error::Result;
use crate::policy::Capability;

/// Which capability this is.
pub const NAME: Capability = Capability::Serial;

/// An open port.
pub struct Port;

/// The serial ports of one instance.
#[derive(Default)]
pub struct State;

/// Sets up the granted ports; none is opened.
///
/// # Errors
/// Never; all capabilities share the signature.
pub fn prepare(_guard: &Guard, _cx: &Prepare) -> Result<State> {
    Ok(State)
}

/// Links the serial ports.
///
/// # Errors
/// When they are linked already.
pub fn link<T: CapabilityView>(_linker: &mut Linker<T>) -> wasmtime::Result<()> {
    Ok(())
}
