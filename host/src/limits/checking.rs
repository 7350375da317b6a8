//! Numbers of `ewh validate`: what the check of one component may take, and what is read of its outcome.

use std::time::Duration;

use bytesize::ByteSize;

use super::MIB;

/// What the process that compiles and runs a component to check it may hold.
pub const CHECK_MEMORY: ByteSize = ByteSize::gib(2);
/// Within this the check of one component comes to its end by itself.
pub const CHECK_LIMIT: Duration = Duration::from_secs(120);
/// After this many times its limit, a check that did not come to its end is ended.
pub const CHECK_PATIENCE: u32 = 2;
/// How often it says how far it is, at most.
pub const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// What the process that checks a component may say, in bytes: it runs a stranger's code.
pub const MAX_CHECKED_BYTES: usize = 16 << 20;
/// Findings of one component that are taken from that process.
pub const MAX_FINDINGS: usize = 1_000;
/// Largest list of known findings that is read, in bytes.
pub const MAX_BASELINE_BYTES: u64 = 8 * MIB;
