//! What this process takes away from itself, for good.

use std::io;

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
