//! Who owns a Worker, and the processes that keep the Workers of different owners apart.
//!
//! [`file`] reads who the tenants of a host are; [`supervisor`] keeps the process of each alive, hears on its
//! [`channel`] what it wants, and says on it who may come in, what is asked and which secrets there are, as [`instruct`],
//! [`asking`] and [`secrets`] have it;
//! [`confine`] is what such a process takes away from itself before it reads anything of a guest; [`broker`] does for it
//! what it may not do itself, by what its [`policies`] say at that moment. What of the machine each process gets, the
//! kernel divides ([`cgroup`]).

#[cfg(target_os = "linux")]
pub mod asking;
#[cfg(target_os = "linux")]
pub mod broker;
#[cfg(target_os = "linux")]
pub mod cgroup;
#[cfg(target_os = "linux")]
pub mod channel;
#[cfg(target_os = "linux")]
pub mod confine;
pub mod file;
#[cfg(target_os = "linux")]
pub mod instruct;
#[cfg(target_os = "linux")]
pub mod policies;
pub mod question;
#[cfg(target_os = "linux")]
pub mod secrets;
#[cfg(target_os = "linux")]
pub(crate) mod supervisor;

use std::path::PathBuf;

use bytesize::ByteSize;

use crate::worker::Quotas;

/// A tenant: one Worker, who reaches it, and what it may do.
pub struct Tenant {
    /// No other tenant of the host has it; none: the only tenant, who needs none.
    pub name: Option<String>,
    /// The name or address to listen on.
    pub host: String,
    /// The port; 0: any that is free.
    pub port: u16,
    /// The directory of the Worker.
    pub data: PathBuf,
    /// What modules without a policy of their own may do; none: nothing.
    pub policy: Option<PathBuf>,
    /// What clients have to know.
    pub token: Option<String>,
    /// Pages of these origins may connect, as they are written.
    pub origins: Vec<String>,
    /// The most writable memory that its process may map, 2 MiB of stack for each instance included;
    /// none: what the machine has. A process with less than the pool of instances takes has no pool.
    pub memory: Option<ByteSize>,
    /// What its Worker may have in all.
    pub quotas: Quotas,
}

impl Tenant {
    /// What it is called where it has no name.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or("the worker")
    }
}
