//! The file descriptors of the process. Where it has none left it takes no client, opens no store and
//! finds no module. So what guests open draws from a stock of them first, and some are never in it.
//!
//! The process takes as many descriptors as the system lets it have, and keeps some for clients, stores
//! and modules.

use std::io;
use std::sync::{Arc, LazyLock};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::stock::{Share, Stock};
use crate::limits;

/// What is left for guests.
static STOCK: LazyLock<Arc<Stock>> = LazyLock::new(|| Stock::new(of_guests(allowed())));

/// Lets this process have as many descriptors as it may, up to [`limits::MAX_DESCRIPTORS`]. Before the
/// first guest: what guests may have is reckoned once.
///
/// # Errors
/// When the kernel refuses; then it stays as it was.
pub fn raise() -> io::Result<()> {
    let now = getrlimit(Resource::Nofile);
    let most = now.maximum.unwrap_or(u64::MAX).min(limits::MAX_DESCRIPTORS);
    if now.current.is_some_and(|current| current < most) {
        let raised = Rlimit {
            current: Some(most),
            maximum: now.maximum,
        };
        setrlimit(Resource::Nofile, raised)?;
    }
    Ok(())
}

/// What all guests of this process together may have open.
pub fn limit() -> u64 {
    of_guests(allowed())
}

/// Takes `count` descriptors, to be given back with [`put`].
///
/// # Errors
/// What is left, when it is less.
pub(super) fn take(count: u64) -> Result<(), u64> {
    STOCK.take(count).map(|mut share: Share| share.keep())
}

/// Gives back what [`take`] took.
pub(super) fn put(count: u64) {
    STOCK.put(count);
}

/// The host keeps [`limits::DESCRIPTORS_OF_THE_PROCESS`], or half where there are few.
fn of_guests(allowed: u64) -> u64 {
    let kept = limits::DESCRIPTORS_OF_THE_PROCESS.min(allowed / 2);
    allowed.saturating_sub(kept)
}

fn allowed() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_keeps_some_however_few_there_are() {
        assert_eq!(of_guests(256), 128);
        assert_eq!(of_guests(1_024), 512);
        let kept = limits::DESCRIPTORS_OF_THE_PROCESS;
        assert_eq!(of_guests(1 << 20), (1 << 20) - kept);
    }

    #[test]
    fn nobody_gets_more_than_the_process_may_have() {
        let left = take(u64::MAX).unwrap_err();
        assert!(left <= limit());
        take(1).unwrap();
        put(1);
    }
}
