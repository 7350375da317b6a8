//! The host's side of a capability, as one shape: what it keeps for an instance, what it links, what it
//! takes of the kernel, and what stands in for its devices where there are none. The list of all of them
//! is in [`super`].

use std::path::PathBuf;

use wasmtime::component::Linker;

use super::{CapabilityView, Guard, Prepare, Reach};
use crate::error::Result;
use crate::policy::{Capability, Policy};

/// A capability, as the host provides it.
pub trait Provider {
    /// Which one.
    const CAPABILITY: Capability;
    /// Whether what it gives can be had by one instance at a time only.
    const IS_EXCLUSIVE: bool = false;
    /// What stands in for its devices where there are none; `None`: it needs no device, and is granted as a
    /// whole.
    const STAND_IN: Option<StandIn> = None;

    /// What it keeps for one instance.
    type State: Send;

    /// The state of an instance, with nothing opened yet.
    fn prepare(guard: &Guard, cx: &Prepare) -> Self::State;

    /// Opens what has to be there before the instance begins: nothing, for most.
    ///
    /// # Errors
    /// When something that is granted is not there.
    fn open(
        _state: &mut Self::State,
        _guard: &Guard,
        _cx: &Prepare,
    ) -> impl Future<Output = Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// Links its interfaces. Those that standard libraries import in every component are linked even where
    /// it is not granted, and are empty then.
    ///
    /// # Errors
    /// When something is linked already.
    fn link<T: CapabilityView>(linker: &mut Linker<T>, is_granted: bool) -> wasmtime::Result<()>;

    /// Adds what `policy` grants of it to what a confined process reaches.
    fn reach(policy: &Policy, reach: &mut Reach);

    /// Grants in `policy` what stands in for its devices.
    fn grant(devices: &Devices, policy: &mut Policy);
}

/// What stands in for a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StandIn {
    /// A serial line for each name.
    Lines,
    /// A server on this machine.
    Server,
    /// A folder for each path.
    Folders,
}

/// The devices that stand in for others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devices {
    /// Serial lines: what the guest calls each, and the device file.
    pub lines: Vec<(String, PathBuf)>,
    /// The port of the server, which listens on this machine.
    pub server: Option<u16>,
    /// Folders: where the guest sees each, and where it is.
    pub folders: Vec<(String, PathBuf)>,
}
