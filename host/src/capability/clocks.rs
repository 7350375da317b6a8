//! Clocks: the time of day, the monotonic time, and waiting.

use wasmtime::component::Linker;
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtx, WasiClocksCtxView};
use wasmtime_wasi::{p2, p3};

use super::{CapabilityView, Guard};
use crate::error::Result;
use crate::policy::Capability;

/// Which capability this is.
pub const NAME: Capability = Capability::Clocks;

/// The clocks of one instance.
#[derive(Default)]
pub struct State {
    ctx: WasiClocksCtx,
}

/// Sets up the clocks; the monotonic one begins now, so that it tells nothing of the machine.
///
/// # Errors
/// Never; all capabilities share the signature.
pub fn prepare(_guard: &Guard) -> Result<State> {
    Ok(State::default())
}

/// Links the clocks.
///
/// # Errors
/// When they are linked already.
pub fn link<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    p2::bindings::clocks::wall_clock::add_to_linker::<T, WasiClocks>(linker, view)?;
    p2::bindings::clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(linker, view)?;
    p3::bindings::clocks::types::add_to_linker::<T, WasiClocks>(linker, view)?;
    p3::bindings::clocks::system_clock::add_to_linker::<T, WasiClocks>(linker, view)?;
    p3::bindings::clocks::monotonic_clock::add_to_linker::<T, WasiClocks>(linker, view)
}

fn view<T: CapabilityView>(data: &mut T) -> WasiClocksCtxView<'_> {
    let capabilities = data.capabilities();
    WasiClocksCtxView {
        ctx: &mut capabilities.clocks.ctx,
        table: &mut capabilities.table,
    }
}
