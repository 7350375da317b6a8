//! Directories of the host.

use wasmtime::component::Linker;
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemCtx, WasiFilesystemCtxView};
use wasmtime_wasi::{p2, p3};

use super::{CapabilityView, Guard, Prepare};
use crate::error::Result;
use crate::policy::Capability;

/// Which capability this is.
pub const NAME: Capability = Capability::Files;

/// The directories of one instance.
#[derive(Default)]
pub struct State {
    ctx: WasiFilesystemCtx,
}

/// Opens the granted directories.
///
/// # Errors
/// When one of them cannot be opened.
pub fn prepare(_guard: &Guard, _cx: &Prepare) -> Result<State> {
    Ok(State::default())
}

/// Links the filesystem.
///
/// # Errors
/// When it is linked already.
pub fn link<T: CapabilityView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    p2::bindings::filesystem::types::add_to_linker::<T, WasiFilesystem>(linker, view)?;
    p2::bindings::filesystem::preopens::add_to_linker::<T, WasiFilesystem>(linker, view)?;
    p3::bindings::filesystem::types::add_to_linker::<T, WasiFilesystem>(linker, view)?;
    p3::bindings::filesystem::preopens::add_to_linker::<T, WasiFilesystem>(linker, view)
}

fn view<T: CapabilityView>(data: &mut T) -> WasiFilesystemCtxView<'_> {
    let capabilities = data.capabilities();
    WasiFilesystemCtxView {
        ctx: &mut capabilities.files.ctx,
        table: &mut capabilities.table,
    }
}
