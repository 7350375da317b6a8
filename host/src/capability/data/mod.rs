//! A folder of the instance's own: `wasi:filesystem`, as for granted directories, of which it is one
//! more. So it has their quota, their transactions and their budget, and guests need no other interface.
//!
//! What is added is where it is ([`Folder`]): the host chooses the place, no policy and no guest does. In a
//! Worker that is a directory by the instance's uuid; without one it is temporary.

use wasmtime::component::Linker;

use super::{CapabilityView, Devices, Guard, Prepare, Provider, Reach};
use crate::limits::SIMULATED_FOLDER_QUOTA;
use crate::policy::{Capability, DataGrant, Policy};

mod folder;
mod remove;

pub use folder::Folder;
pub use remove::remove_tree;

/// The capability.
pub struct Data;

impl Provider for Data {
    const CAPABILITY: Capability = Capability::Data;

    /// It is opened with the granted directories, and kept with them.
    type State = ();

    fn prepare(_: &Guard, _: &Prepare) {}

    /// Its interfaces are those of `files`, which are always linked.
    fn link<T: CapabilityView>(_: &mut Linker<T>, _: bool) -> wasmtime::Result<()> {
        Ok(())
    }

    /// It lies in the data of the Worker, which its process reaches whatever is granted.
    fn reach(_: &Policy, _: &mut Reach) {}

    fn grant(_: &Devices, policy: &mut Policy) {
        policy.data = Some(DataGrant {
            quota: SIMULATED_FOLDER_QUOTA,
            max_files: None,
        });
    }
}
