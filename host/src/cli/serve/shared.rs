//! What the processes of tenants share: the places of what compiles for them, and the machine, as far as the kernel
//! divides it among them.

use std::sync::Arc;

use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::prepare;
use crate::tenant::Tenant;
use crate::tenant::cgroup::{Cgroups, Group, Part};
use crate::tenant::channel::Compilers;

/// What all processes share.
pub(super) struct Shared {
    pub(super) compilers: Compilers,
    /// How the machine is divided; or why it is not, for who reads on.
    pub(super) cgroups: Result<Arc<Cgroups>, String>,
}

impl Shared {
    /// Looks whether the machine can be divided, and divides it.
    ///
    /// # Errors
    /// When there is no program that compiles.
    pub(super) fn new() -> Result<Self, CliError> {
        let cgroups = Cgroups::of_this_process().map_err(|why| {
            format!(
                "the kernel shares the processors among tenants' processes as among any: cgroups are not delegated \
                 ({why}); add Delegate=yes to the unit of the host"
            )
        });
        Ok(Self {
            compilers: Compilers::new(prepare::program()?),
            cgroups,
        })
    }

    /// What `tenant` gets of the machine, if that can be said; whoever cannot have it is served all the same.
    pub(super) fn group(&self, tenant: &Tenant, output: &Output) -> Option<Arc<Group>> {
        let cgroups = self.cgroups.as_ref().ok()?;
        let part = Part {
            cpu_weight: tenant.quotas.cpu_weight,
            memory: tenant.memory.map(|memory| memory.as_u64()),
        };
        let name = tenant.name.as_deref().unwrap_or("worker");
        let made = cgroups.group(name, part);
        let made = made.inspect_err(|error| {
            let who = tenant.label();
            output.note(&format!(
                "{who}: it has no part of the processors of its own: {error}"
            ));
        });
        made.ok().map(Arc::new)
    }
}
