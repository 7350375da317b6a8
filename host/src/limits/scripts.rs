//! What an author's script of simulated devices may have, and what a test hears of its worker.

use std::time::Duration;

/// Answers, sayings or pages of one script of simulated devices.
pub const MAX_SCRIPTED_ANSWERS: usize = 4_096;
/// Bytes of a script, of all files of a directory of devices, and of one line that is said to the host of a test.
pub const MAX_SCRIPT_BYTES: usize = 16 * 1024 * 1024;
/// Files of scripts in a directory of devices.
pub const MAX_SCRIPT_FILES: usize = 64;
/// What a scripted device keeps of what it heard, for a test to look at.
pub const MAX_HEARD_BYTES: usize = 1024 * 1024;
/// What a worker tells between two wishes of a test, and is kept for it: events, log lines, changes.
pub const MAX_TOLD: usize = 10_000;
/// Calls that a test has under way.
pub const MAX_CALLS_OF_A_TEST: usize = 1_024;
/// How long, on simulated time, a test waits for a worker that starts again.
pub const TEST_PATIENCE: Duration = Duration::from_secs(60);
/// Requests to scripted web servers that are kept for a test to look at.
pub const MAX_SENT_REQUESTS: usize = 1_024;
