//! Copies of all that a host keeps: how much of a Worker is copied, whatever its guests make of it, and what is read of an
//! archive at once.

use std::time::Duration;

use super::{GIB, KIB};

/// Bytes that are read, written and sent at once.
pub const BACKUP_PART_BYTES: usize = 256 * KIB as usize;
/// Parts that wait for a client to take them.
pub const BACKUP_PARTS_WAITING: usize = 4;
/// How long a client may take nothing before it is given up: others wait to copy meanwhile.
pub const BACKUP_PATIENCE: Duration = Duration::from_secs(60);
/// How long the external workers of a Worker may take to say their state, which is left out of a snapshot otherwise.
pub const SNAPSHOT_SAVES: Duration = Duration::from_secs(10);
/// How long a Worker that does not answer is asked again: its process may be starting.
pub const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(30);
/// How often.
pub const SNAPSHOT_AGAIN: Duration = Duration::from_millis(250);
/// Folders in each other: each is open while it is copied, and while it comes back.
pub const MAX_BACKUP_DEPTH: usize = 128;
/// Bytes of a path, which is in memory.
pub const MAX_BACKUP_PATH_BYTES: usize = 32 * KIB as usize;
/// Names in one folder, which are in memory; more than a grant of files may have.
pub const MAX_BACKUP_NAMES: usize = 300_000;
/// Bytes in files of one Worker that are on no disk. What is there is bounded by the disk.
pub const MAX_BACKUP_HOLES: u64 = 64 * GIB;
/// Things of one Worker of which a copy says that they are not in it.
pub const MAX_LEFT_OUT: usize = 1000;
/// Those of all Workers that are kept of it when it is read.
pub const MAX_LEFT_OUT_KEPT: usize = 1000;
/// Bytes of a line of a manifest: a path may be six times as long as JSON.
pub const MAX_BACKUP_LINE_BYTES: u64 = 8 * 32 * KIB;
/// Bytes of what a copy begins with.
pub const MAX_BACKUP_HEAD_BYTES: u64 = 4 * KIB;
/// Bytes of the head of an audit log, which is one line.
pub const MAX_AUDIT_HEAD_BYTES: u64 = 4 * KIB;
