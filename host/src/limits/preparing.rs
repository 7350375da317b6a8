//! Numbers of the process in which a serving host compiles and describes a component that comes in.

use std::time::Duration;

use bytesize::ByteSize;

use super::{CHECK_MEMORY, MIB};

/// What one of the processes may use.
#[derive(Debug, Clone, Copy)]
pub struct Allowance {
    /// What it may hold, besides what the policy gives an instance.
    pub memory: ByteSize,
    /// Processor time of all of its threads together.
    pub cpu: Duration,
    /// How long each of its answers may take, on the clock that stands still while the host does. Who works is
    /// ended by `cpu`, so this is for who does not: less urgent than what is served, it may get a small part of a
    /// core.
    pub time: Duration,
}

/// What one of many may use; what takes more begins anew as the one that may. Compiling a component of 1 MB takes
/// 2 s and 100 MiB.
pub const PREPARE_SMALL: Allowance = Allowance {
    memory: ByteSize::mib(512),
    cpu: Duration::from_secs(20),
    time: Duration::from_secs(600),
};
/// What that one may use. Python with its libraries takes a minute.
pub const PREPARE_LARGE: Allowance = Allowance {
    memory: CHECK_MEMORY,
    cpu: Duration::from_secs(300),
    time: Duration::from_secs(3_600),
};
/// Such processes at the same time, if there are as many cores, besides the one that takes much.
pub const PREPARES_AT_ONCE: usize = 4;
/// How long a module keeps others of its Worker from being loaded, of which there are
/// [`super::MAX_LOADS_AT_ONCE`] at a time.
pub const LOAD_PLACE: Duration = Duration::from_secs(1);
/// How much less urgent it is than serving, as `nice` counts.
pub const PREPARE_NICE: i32 = 10;
/// Compiled code of any component, in bytes; beyond it, for each byte of the component so many.
pub const ARTIFACT_FROM: u64 = 16 * MIB;
/// See [`ARTIFACT_FROM`]: code that the compiler makes is 3 to 8 times as long as what it makes it from.
pub const ARTIFACT_RATIO: u64 = 16;
/// What a component says of itself, in bytes on its way between the processes.
pub const MAX_DESCRIBED_BYTES: u64 = 16 * MIB;
/// What an instance that describes itself may have of memory, in bytes, whatever a tenant's process says: as much
/// as 32 bits reach.
pub const MAX_DESCRIBING_MEMORY: u64 = 4 << 30;
/// What the process says where it does not answer, in bytes.
pub const MAX_REFUSAL_BYTES: u64 = 64 << 10;
