//! The host's side of a capability, as one shape: what it keeps for an instance, what it links, what it
//! takes of the kernel, and what stands in for its devices where there are none. The list of all of them
//! is in [`super`].

use std::path::PathBuf;

use wasmtime::component::Linker;

use super::{CapabilityView, Guard, Prepare, Reach};
use crate::error::Result;
use crate::policy::pattern::HostPattern;
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

/// The devices that stand in for others. A line and the server are met through [`StandIns`].
///
/// [`StandIns`]: crate::engine::StandIns
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Devices {
    /// What the guest calls each serial line.
    pub lines: Vec<String>,
    /// Whether there is a server, to which every address leads.
    pub has_server: bool,
    /// Folders: where the guest sees each, and where it is.
    pub folders: Vec<(String, PathBuf)>,
}

/// The addresses that nobody reaches who was not granted them by themselves: those that stand in the
/// documentation of workers, and those of laboratories.
const BLOCKS: [&str; 13] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "192.0.2.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "255.255.255.255",
    "2001:db8::/32",
    "fc00::/7",
    "fe80::/10",
];

impl Devices {
    /// The hosts that lead to the server: all.
    pub(super) fn hosts(&self) -> impl Iterator<Item = HostPattern> {
        let blocks = BLOCKS.iter().filter_map(|block| block.parse().ok());
        let all = [HostPattern::Any, HostPattern::Localhost];
        all.into_iter().chain(blocks).filter(|_| self.has_server)
    }
}
