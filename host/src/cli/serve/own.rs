//! What belongs to the host that serves and no tenant's policy may grant: every tenant's data, policy and
//! address, the list of tenants, and what belongs to every command that runs guests.

use std::path::Path;

use super::Checked;
use crate::cli::CacheOptions;
use crate::cli::error::CliError;
use crate::cli::load;
use crate::policy::{Guarded, Policy};
use crate::worker::DataDir;

/// What belongs to a host with these tenants, but for the addresses that are not bound yet.
pub(super) fn guarded(tenants: &[Checked], list: Option<&Path>, cache: &CacheOptions) -> Guarded {
    let guarded = load::guarded(cache);
    for checked in tenants {
        data_dir(&checked.tenant.data).guard(&guarded);
        if let Some(policy) = &checked.tenant.policy {
            let whose = checked.tenant.label();
            guarded.keep(policy, format!("the policy of the tenant `{whose}`"));
        }
    }
    if let Some(list) = list {
        guarded.keep(list, "the tenants file");
    }
    guarded
}

pub(super) fn data_dir(data: &Path) -> DataDir {
    DataDir {
        data: data.to_owned(),
    }
}

/// The policy of a tenant's modules that have none of their own.
///
/// # Errors
/// When it is not a file, is not a policy, or grants what belongs to the host.
pub(super) fn policy(
    path: Option<&Path>,
    data: &Path,
    guarded: &Guarded,
) -> Result<Policy, CliError> {
    let policy = load::policy(path)?;
    let own = guarded.but(&data_dir(data).files());
    match path {
        Some(path) => Ok(policy.beside(path, &own)?),
        None => Ok(policy),
    }
}
