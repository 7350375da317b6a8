//! Numbers of what tenants may have in all: bounds of their quotas, and what the kernel is told of them.

use std::time::Duration;

/// The most that a tenant may weigh on the processors, as in a cgroup.
pub const MAX_CPU_WEIGHT: u16 = 10_000;
/// How often it is looked how much the data of a tenant takes on disk; a look that takes long is not followed by another
/// before [`DISK_PAUSE`] times as long.
pub const DISK_EVERY: Duration = Duration::from_secs(60);
/// See [`DISK_EVERY`].
pub const DISK_PAUSE: u32 = 20;
/// Files and folders that are counted in such a look; data that has more takes all that there is.
pub const MAX_DISK_ENTRIES: usize = 1_000_000;
/// What is said of data that takes more: what every program can read as a number.
pub const MAX_SHOWN_DISK: u64 = (1 << 53) - 1;
/// What the kernel lets the process of a tenant have beyond its `memory`, in bytes: what it has itself refuses first, and
/// says why.
pub const CGROUP_MEMORY_MORE: u64 = 128 * super::MIB;
/// Threads and processes of a tenant, those that compile for it included.
pub const MAX_TENANT_TASKS: u64 = 4_096;
/// Looks for the end of the processes of a tenant that is gone, which are killed, and the time between two.
pub const CGROUP_END_LOOKS: u32 = 40;
/// See [`CGROUP_END_LOOKS`].
pub const CGROUP_END_PAUSE: Duration = Duration::from_millis(25);
