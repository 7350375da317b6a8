//! The numbers of grants, and of taking them away.

use std::time::Duration;

/// How long one that loses a grant may take, all in all, to save what it is and to stop.
pub const REVOKED_WITHIN: Duration = Duration::from_secs(10);
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
