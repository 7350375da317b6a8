//! The memory maps of the process. The kernel gives a process only so many, and in one that has used
//! them up no allocation succeeds any more, the host's own included. So whatever needs many of them
//! takes them from here first.
//!
//! Linux gives a process 65,530 of them. The pool takes its share when it is made, and every other
//! memory takes its own before it is mapped: 10,000 pooled instances fit, and the instance after the
//! last is refused where it would have ended the host.

use std::fs;
use std::sync::{Arc, LazyLock};

use super::stock::{Share, Stock};
use crate::limits;

/// What is left for guests.
static STOCK: LazyLock<Arc<Stock>> =
    LazyLock::new(|| Stock::new(allowed().saturating_sub(limits::MAPS_OF_THE_PROCESS)));

/// There is no room for an instance: of memory maps, or in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this host has no room for one more instance")]
pub struct Full;

/// Takes `count` memory maps.
///
/// # Errors
/// [`Full`] when there are not so many left; the log says what to raise.
pub fn take(count: u64) -> Result<Share, Full> {
    STOCK.take(count).map_err(|left| {
        tracing::warn!(
            allowed = allowed(),
            left,
            "too few memory maps for one more instance; \
             raise them with `sysctl -w vm.max_map_count=1048576`"
        );
        Full
    })
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
    fn nobody_gets_more_than_the_process_may_have() {
        assert_eq!(take(u64::MAX).map(drop), Err(Full));
        assert!(take(2).is_ok());
    }
}
