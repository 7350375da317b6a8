//! Numbers of serving a Worker that cannot be opened.

use std::time::Duration;

/// Connections to a Worker that is down which are answered at the same time; further ones wait.
pub const MAX_TURNED_AWAY: usize = 64;
/// How long one of them may take.
pub const TURN_AWAY_TIMEOUT: Duration = Duration::from_secs(5);
/// The first and the longest pause before it is tried again to open a Worker. The pause doubles.
pub const OPEN_AGAIN_AFTER: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(30)];
