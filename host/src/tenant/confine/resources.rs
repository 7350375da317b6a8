//! Limits of the process, and what is left of root to one that runs as root.
//!
//! Not limited: address space, since the engine reserves terabytes of it and uses little; processes,
//! since the kernel counts those of the user in all, and a confined process starts none; the size of
//! files, which the quota of each grant holds.

use std::collections::HashSet;
use std::path::Path;

use caps::{CapSet, Capability};
use rustix::process::{Resource, getrlimit};

use super::{ConfineError, Reach};
use crate::limits::MAX_TENANT_FILES;
use crate::limits::process::lower;

/// What grants may rest on when the host runs as root: files and devices of other users, and ports
/// below 1024.
const KEPT: [Capability; 4] = [
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_DAC_READ_SEARCH,
    Capability::CAP_FOWNER,
    Capability::CAP_NET_BIND_SERVICE,
];

/// Of no use to a host. A core file would have every secret of the tenant in it.
const NONE_OF: [Resource; 5] = [
    Resource::Core,
    Resource::Memlock,
    Resource::Msgqueue,
    Resource::Nice,
    Resource::Rtprio,
];

pub(super) fn limit(reach: &Reach) -> Result<(), ConfineError> {
    for resource in NONE_OF {
        lower(resource, 0)?;
    }
    let files = getrlimit(Resource::Nofile).maximum;
    lower(
        Resource::Nofile,
        files.unwrap_or(u64::MAX).min(MAX_TENANT_FILES),
    )?;
    if let Some(memory) = reach.memory {
        lower(Resource::Data, memory)?;
        for place in reach.write.iter().filter(|place| is_in_memory(place)) {
            tracing::warn!(
                "{} is a file system in memory: files there do not count towards `memory`",
                place.display()
            );
        }
    }
    give_up()
}

fn is_in_memory(place: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    let kind = rustix::fs::statfs(place).ok();
    let kind = kind.and_then(|found| u64::try_from(found.f_type).ok());
    kind.is_some_and(|kind| [TMPFS, RAMFS].contains(&kind))
}

fn give_up() -> Result<(), ConfineError> {
    let permitted = caps::read(None, CapSet::Permitted)?;
    let kept: HashSet<_> = KEPT
        .into_iter()
        .filter(|kept| permitted.contains(kept))
        .collect();
    caps::clear(None, CapSet::Ambient)?;
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)?;
    caps::clear(None, CapSet::Inheritable)?;
    Ok(())
}
