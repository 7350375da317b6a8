//! What the process of a tenant takes away from itself, for good, before it has a second thread and
//! before it reads anything of a guest: so that even a guest that has taken the process over through
//! a fault of the runtime reaches no more than its tenant was granted.
//!
//! | part | what it takes |
//! |---|---|
//! | [`reach`] | says what is left: what the tenant's policies grant, and its own data |
//! | `resources` | limits that no quota of a guest needs, and the capabilities of root |
//! | [`brokered`] | connecting, binding, listening: who keeps the process does it, or not |
//! | `landlock` | files, devices, TCP ports, signals to others |
//! | `seccomp` | system calls, and kinds of sockets |
//!
//! What is left is not taken from where the process itself could write: a policy lies beside the
//! data, or in a folder of it that the process only reads.
//!
//! Confined means all of it or nothing. Without landlock a process does not serve, unless the operator
//! says so; a kernel that lacks a part of it is warned of.

pub(crate) mod brokered;
mod landlock;
pub mod reach;
mod resources;
mod seccomp;

use std::io;

pub use brokered::{Asks, hand_over};

pub use crate::capability::Reach;

/// Why a process is not confined.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    /// The process has more than one thread; the others would not be confined.
    #[error("the process has {0} threads and can confine only one")]
    Threads(usize),
    /// The kernel has no landlock, or it is switched off.
    #[error(
        "the kernel cannot keep tenants out of each other's files: it has no landlock (Linux 5.13), \
         or it was started without. To serve anyway, with weaker isolation, add \
         --allow-weaker-isolation"
    )]
    NoLandlock,
    /// The kernel refused a rule on files or ports.
    #[error("landlock: {0}")]
    Landlock(String),
    /// The kernel refused the filter, or there is none for this machine.
    #[error("seccomp: {0}")]
    Seccomp(#[from] seccompiler::Error),
    /// The capabilities of the user cannot be given up.
    #[error("capabilities: {0}")]
    Capabilities(#[from] caps::errors::CapsError),
    /// A limit was refused, or the state of the process cannot be read.
    #[error("limits: {0}")]
    Limits(#[from] io::Error),
}

/// Confines this process to `reach`. What the kernel is too old for is warned of.
///
/// # Errors
/// When it cannot be done; then the process is to end. `allow_weaker`: a kernel without landlock is
/// no error.
pub fn apply(reach: &Reach, allow_weaker: bool) -> Result<(), ConfineError> {
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    if threads != 1 {
        return Err(ConfineError::Threads(threads));
    }
    resources::limit(reach)?;
    landlock::restrict(reach, allow_weaker)?;
    // Last: it forbids what the others are made with.
    seccomp::filter(reach)
}
