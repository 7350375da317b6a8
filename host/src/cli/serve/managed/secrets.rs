//! The secrets of managed tenants, in the words of the control plane. The vault waits for a disk, so it is asked apart.

use std::time::{SystemTime, UNIX_EPOCH};

use external_worker_control::model::{Code, Problem, SecretState, SecretValue};
use external_worker_secrets::vault::VaultError;
use external_worker_secrets::{Secret, SecretName, name, secret};

use super::folder::of_host;
use crate::cli::serve::secrets::Keeper;
use crate::tenant::question::unavailable;

// What the control plane takes for a secret, the vault keeps.
const _: () = {
    use external_worker_control::limits;

    assert!(limits::MAX_SECRET_NAME_BYTES <= name::MAX_NAME_BYTES);
    assert!(limits::MAX_SECRET_BYTES <= secret::MAX_VALUE_BYTES);
};

/// What a tenant has, without the values.
pub(super) async fn list(keeper: Keeper, tenant: String) -> Result<Vec<SecretState>, Problem> {
    let listed = apart(move || {
        let listed = keeper.list(&tenant).map_err(|error| of_host(&error))?;
        let Some(listed) = listed else {
            return Err(none_kept());
        };
        let states = listed.iter().map(|(name, entry)| SecretState {
            name: name.to_string(),
            version: entry.version,
            changed: seconds(entry.changed),
        });
        Ok(states.collect())
    });
    listed.await
}

/// Sets one, which is used from now on.
pub(super) async fn set(
    keeper: Keeper,
    tenant: String,
    name: String,
    value: SecretValue,
) -> Result<(), Problem> {
    let name = named(&keeper, &name)?;
    let setting = apart(move || {
        let secret = Secret::copy_from(&value.0);
        let secret = secret.map_err(|error| Problem::new(Code::Invalid, error.to_string()))?;
        keeper.set(&tenant, name, secret).map_err(problem)
    });
    setting.await
}

/// Removes one, which is not used from now on.
pub(super) async fn remove(keeper: Keeper, tenant: String, name: String) -> Result<(), Problem> {
    let name = named(&keeper, &name)?;
    let removing = apart(
        move || match keeper.remove(&tenant, &name).map_err(problem)? {
            true => Ok(()),
            false => Err(Problem::new(
                Code::NotFound,
                "the tenant has no secret of this name",
            )),
        },
    );
    removing.await
}

async fn apart<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let acting = tokio::task::spawn_blocking(act);
    acting.await.map_err(|_ending| unavailable())?
}

fn named(keeper: &Keeper, name: &str) -> Result<SecretName, Problem> {
    if !keeper.keeps() {
        return Err(none_kept());
    }
    let name = name.parse::<SecretName>();
    name.map_err(|error| Problem::new(Code::Invalid, error.to_string()))
}

fn none_kept() -> Problem {
    Problem::new(
        Code::NotFound,
        "this host keeps no secrets; start it with --secrets DIR",
    )
}

/// What is the tenant's to know; the rest is in the log.
fn problem(error: VaultError) -> Problem {
    match error {
        VaultError::Full { .. } | VaultError::TooManyTenants => {
            Problem::new(Code::OverQuota, error.to_string())
        }
        error => of_host(&error),
    }
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs()
}
