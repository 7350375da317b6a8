//! Who has which device open in this process: the kernel's own locks do not keep a second instance
//! from touching a device before it is told "busy".

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

static CLAIMED: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

fn claimed() -> MutexGuard<'static, BTreeSet<u64>> {
    CLAIMED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The only right to open one device, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    device: u64,
}

impl Claim {
    /// Claims the device with this number, unless somebody has it.
    pub(super) fn take(device: u64) -> Option<Self> {
        let new = claimed().insert(device);
        new.then(|| Self { device })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        claimed().remove(&self.device);
    }
}
