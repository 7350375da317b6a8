//! The memory maps of the process. The kernel gives a process only so many, and in one that has used
//! them up no allocation succeeds any more, the host's own included. So whatever needs many of them
//! takes them from here first.

use std::fs;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits;

/// What is left for guests.
static LEFT: LazyLock<AtomicU64> =
    LazyLock::new(|| AtomicU64::new(allowed().saturating_sub(limits::MAPS_OF_THE_PROCESS)));

/// The process may have no more memory maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this host has no room for one more instance")]
pub struct Full;

/// Memory maps that somebody has; given back when dropped.
#[derive(Debug)]
pub struct Maps(u64);

impl Maps {
    /// Takes `count` of them.
    ///
    /// # Errors
    /// [`Full`] when there are not so many left; the log says what to raise.
    pub fn take(count: u64) -> Result<Self, Full> {
        let less = |left: u64| left.checked_sub(count);
        match LEFT.fetch_update(Ordering::AcqRel, Ordering::Acquire, less) {
            Ok(_) => Ok(Self(count)),
            Err(left) => {
                tracing::warn!(
                    allowed = allowed(),
                    left,
                    "too few memory maps for one more instance; \
                     raise them with `sysctl -w vm.max_map_count=1048576`"
                );
                Err(Full)
            }
        }
    }
}

impl Drop for Maps {
    fn drop(&mut self) {
        LEFT.fetch_add(self.0, Ordering::AcqRel);
    }
}

/// Where the system does not say, it has no such limit.
fn allowed() -> u64 {
    fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back_and_no_more_is_given_than_there_is() {
        let all = LEFT.load(Ordering::Acquire);
        assert_eq!(Maps::take(u64::MAX).map(drop), Err(Full));
        let some = Maps::take(2).map_err(|full| full.to_string());
        assert!(some.is_ok() && LEFT.load(Ordering::Acquire) < all);
    }
}
