//! What this process takes away from itself, for good.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Limits this process to `most` of `resource`; what it was limited to before stays so.
///
/// # Errors
/// When the kernel refuses.
pub fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let before = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let limit = Some(most.min(before));
    let limit = Rlimit {
        current: limit,
        maximum: limit,
    };
    Ok(setrlimit(resource, limit)?)
}

/// Limits this process to `most` of processor time, of all its threads, for good. At that it is told by a
/// signal that ends it and that says why; a second later it is killed.
///
/// # Errors
/// When the kernel refuses.
pub fn lower_cpu(most: Duration) -> io::Result<()> {
    let seconds = most.as_secs().max(1);
    lower(Resource::Cpu, seconds.saturating_add(1))?;
    let maximum = getrlimit(Resource::Cpu).maximum;
    let current = Some(seconds.min(maximum.unwrap_or(u64::MAX)));
    Ok(setrlimit(Resource::Cpu, Rlimit { current, maximum })?)
}
