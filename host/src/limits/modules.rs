//! Numbers of taking modules in: looking for them, and loading several at a time.

use std::time::Duration;

use super::MIB;

/// Modules of one Worker that are loaded at the same time; further ones wait.
pub const MAX_LOADS_AT_ONCE: usize = 4;
/// How long an external worker that starts keeps others from starting, of which there are
/// [`super::MAX_STARTS_AT_ONCE`] at a time: one that waits for its device makes nobody wait for long.
pub const START_PLACE: Duration = Duration::from_millis(500);
/// How long a server that opens waits for its modules, so that its first clients find them: longer than it
/// takes where all are in the compile cache. Who connects meanwhile waits as long.
pub const OPEN_PATIENCE: Duration = Duration::from_millis(500);
/// What is read again at each look that nothing asked for, the longest unread first, in bytes. A look comes
/// every [`super::LOOK_AGAIN_AFTER`], and hashing so much takes about 20 ms of one core.
pub const REREAD_BYTES: u64 = 64 * MIB;
/// A file that changed less long ago than this when it was read is read again at the next look: it may have
/// changed once more without another time. The coarsest clock of a file system that is in use has 2 s.
pub const STAMP_SETTLES: Duration = Duration::from_secs(3);
