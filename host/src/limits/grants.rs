//! The numbers of grants, and of taking them away.

use std::time::Duration;

/// How long one that loses a grant may take, all in all, to save what it is and to stop.
pub const REVOKED_WITHIN: Duration = Duration::from_secs(10);
/// Secrets that one grant names: as many as a tenant may have.
pub const MAX_GRANTED_SECRETS: usize = 256;
/// Sets of secrets that a tenant's answers are searched for: one for each policy that names some.
pub const MAX_SEARCHES: usize = 16;
/// How often the policies of a tenant that has a process of its own are read, to start it again when they
/// have changed.
pub const POLICIES_ARE_READ_EVERY: Duration = Duration::from_secs(1);
/// Most descriptors that this process lets itself have, whatever the system allows.
pub const MAX_DESCRIPTORS: u64 = 1 << 20;
/// Descriptors that guests leave for the process itself: clients, stores, modules, logs. Half, where there
/// are not twice as many.
pub const DESCRIPTORS_OF_THE_PROCESS: u64 = 4_096;
/// Operations on files of one instance that block at the same time: each has a thread meanwhile, and
/// further ones wait.
pub const MAX_FILE_THREADS: usize = 4;
/// Names that may be in a granted directory with a quota which does not say how many.
pub const MAX_FILES: u64 = 100_000;
/// Names that are counted in a directory; one that has more counts as full, and no grant allows more.
pub const MAX_MEASURED_NAMES: u64 = 250_000;
/// What a name in a directory with a quota costs, beyond the bytes of its file.
pub const ENTRY_BYTES: u64 = 4096;
/// Different things that one run of an instance is seen to use for the first time. A guest that looks up one name
/// after another fills no memory with what it was allowed.
pub const MAX_FIRST_USES: usize = 1_024;
/// What the supervisor of a confined process decides by is never older than this.
pub const BROKER_LOOKS_EVERY: Duration = Duration::from_millis(50);
/// What a confined process may ask of its supervisor in [`BROKER_TURN`]; what is more has to wait.
pub const BROKER_ASKED_AT_ONCE: u32 = 1_024;
/// See [`BROKER_ASKED_AT_ONCE`].
pub const BROKER_TURN: Duration = Duration::from_millis(250);
/// Connections that the supervisor waits for, for one confined process: each has a thread meanwhile.
pub const BROKER_WAITS_AT_ONCE: usize = 4;
/// Devices and folders that a confined process may have asked for and not got yet.
pub const BROKER_DEVICES_AT_ONCE: usize = 8;
/// The first number of descriptors of a confined process for folders below one that was granted after it began: what
/// is asked of these, its filter passes on. What is opened otherwise has the lowest number that is free.
pub const FOLDERS_FROM: u32 = 2_048;
/// The longest path that the kernel takes, its end included (`PATH_MAX`).
pub const MAX_PATH_BYTES: usize = 4_096;
/// Links and renames that others make may disturb how a path is resolved; so often it is tried.
pub const PATH_TRIES: usize = 4;
/// How long a confined process waits for its supervisor.
pub const BROKER_PATIENCE: Duration = Duration::from_secs(10);
/// The stack of a thread of the supervisor: it reads policies.
pub const BROKER_STACK_BYTES: usize = 1 << 20;
/// How long a confined process may take to close what is not granted any more, before it is looked at
/// again; after [`STAYS_OPEN_LOOKS`] of these it is started again.
pub const STAYS_OPEN_AFTER: Duration = Duration::from_secs(1);
/// See [`STAYS_OPEN_AFTER`].
pub const STAYS_OPEN_LOOKS: u32 = 3;
/// How long it is waited until a process stands still that is looked at. A healthy one takes a
/// millisecond.
pub const STANDS_STILL_WITHIN: Duration = Duration::from_millis(100);
/// See [`STANDS_STILL_WITHIN`].
pub const STANDS_STILL_LOOKS_EVERY: Duration = Duration::from_millis(1);
