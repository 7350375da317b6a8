//! The secrets of those that are served: the vault, which this process holds while it serves, and of each tenant those
//! that are used now. What changes in the vault is used from then on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use external_worker_secrets::vault::{TenantSecrets, VaultError};
use external_worker_secrets::{Secret, SecretName, TenantName, Vault, harden_process};

use crate::cli::error::CliError;
use crate::cli::secrets::{open_or_make, wrong};
use crate::policy::Guarded;
use crate::worker::Secrets;

/// Keeps secrets, or none. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Keeper(Option<Arc<Inner>>);

struct Inner {
    vault: Mutex<Vault>,
    /// Of each tenant that is or was served.
    used: Mutex<BTreeMap<TenantName, Secrets>>,
}

impl Keeper {
    /// Opens the vault in `dir`, which belongs to the host as its key does, and keeps other processes from the memory of
    /// this one. Without a directory there are no secrets.
    ///
    /// # Errors
    /// When it cannot be opened or made.
    pub(super) fn open(
        dir: Option<&Path>,
        key: Option<&Path>,
        guarded: &Guarded,
    ) -> Result<Self, CliError> {
        let Some(dir) = dir else {
            return Ok(Self::default());
        };
        // Before there is anything to read.
        if let Err(error) = harden_process() {
            tracing::warn!("{error}");
        }
        guarded.keep(dir, "the secrets of all tenants");
        if let Some(key) = key {
            guarded.keep(key, "the key of the secrets");
        }
        let vault = open_or_make(dir, key.map(PathBuf::from))?;
        Ok(Self(Some(Arc::new(Inner {
            vault: Mutex::new(vault),
            used: Mutex::default(),
        }))))
    }

    /// Whether secrets are kept.
    pub(super) fn keeps(&self) -> bool {
        self.0.is_some()
    }

    /// Those of a tenant, live.
    ///
    /// # Errors
    /// When they cannot be read, or no tenant can be called so.
    pub(super) fn of(&self, tenant: &str) -> Result<Secrets, CliError> {
        let Some(inner) = &self.0 else {
            return Ok(Secrets::default());
        };
        let tenant = named(tenant)?;
        inner.renew(&inner.vault(), &tenant).map_err(wrong)
    }

    /// What a tenant has. `None`: nobody keeps secrets here.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn list(&self, tenant: &str) -> Result<Option<TenantSecrets>, CliError> {
        let Some(inner) = &self.0 else {
            return Ok(None);
        };
        let read = inner.vault().read(&named(tenant)?);
        read.map(Some).map_err(wrong)
    }

    /// Sets a secret of a tenant, which has it from now on.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub(super) fn set(
        &self,
        tenant: &str,
        name: SecretName,
        secret: Secret,
    ) -> Result<(), VaultError> {
        self.change(tenant, |vault, tenant| {
            vault.set(tenant, name, secret, SystemTime::now()).map(drop)
        })
        .map(drop)
    }

    /// Removes a secret of a tenant. `false`: it had none of that name.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub(super) fn remove(&self, tenant: &str, name: &SecretName) -> Result<bool, VaultError> {
        let removed = self.change(tenant, |vault, tenant| vault.remove(tenant, name));
        removed.map(Option::unwrap_or_default)
    }

    /// Removes all that a tenant has.
    ///
    /// # Errors
    /// When that cannot be kept.
    pub(super) fn erase(&self, tenant: &str) -> Result<(), VaultError> {
        self.change(tenant, |vault, tenant| vault.erase(tenant))
            .map(drop)
    }

    fn change<T>(
        &self,
        tenant: &str,
        change: impl FnOnce(&mut Vault, &TenantName) -> Result<T, VaultError>,
    ) -> Result<Option<T>, VaultError> {
        let (Some(inner), Ok(tenant)) = (&self.0, tenant.parse()) else {
            return Ok(None);
        };
        let mut vault = inner.vault();
        let done = change(&mut vault, &tenant)?;
        inner.renew(&vault, &tenant)?;
        Ok(Some(done))
    }
}

impl Inner {
    fn vault(&self) -> MutexGuard<'_, Vault> {
        self.vault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what the vault has of a tenant in the place of what is used.
    fn renew(&self, vault: &Vault, tenant: &TenantName) -> Result<Secrets, VaultError> {
        let kept = vault.read(tenant)?;
        let all = kept
            .iter()
            .map(|(name, entry)| (name.clone(), entry.secret.clone()));
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let secrets = used.entry(tenant.clone()).or_default();
        secrets.replace(all.collect());
        Ok(secrets.clone())
    }
}

fn named(tenant: &str) -> Result<TenantName, CliError> {
    tenant.parse().map_err(|error| {
        CliError::Usage(format!(
            "--secrets: {error}; name the Worker with --name, or tenants in the tenants file"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeper(dir: &Path) -> Keeper {
        let key = dir.join("key");
        let (dir, guarded) = (dir.join("secrets"), Guarded::default());
        let vault = open_or_make(&dir, Some(key)).unwrap();
        assert!(guarded.listens().is_empty());
        Keeper(Some(Arc::new(Inner {
            vault: Mutex::new(vault),
            used: Mutex::default(),
        })))
    }

    #[test]
    fn what_is_set_is_used_at_once_by_its_tenant_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let name: SecretName = "key".parse().unwrap();
        let keeper_of_lab = keeper(dir.path());
        let (lab, other) = (
            keeper_of_lab.of("lab").unwrap(),
            keeper_of_lab.of("other").unwrap(),
        );
        let secret = Secret::copy_from(b"hunter2").unwrap();
        keeper_of_lab.set("lab", name.clone(), secret).unwrap();
        assert_eq!(lab.now().get(&name).unwrap().expose(), b"hunter2");
        assert!(other.now().get(&name).is_none());
        drop(keeper_of_lab);
        let again = keeper(dir.path());
        let lab = again.of("lab").unwrap();
        assert_eq!(lab.now().get(&name).unwrap().expose(), b"hunter2");
        assert!(again.remove("lab", &name).unwrap());
        assert!(!again.remove("lab", &name).unwrap());
        assert!(lab.now().get(&name).is_none());
        again.erase("lab").unwrap();
        assert!(again.of("no name").is_err());
    }

    #[test]
    fn without_a_vault_there_are_no_secrets() {
        let none = Keeper::open(None, None, &Guarded::default()).unwrap();
        assert!(none.list("lab").unwrap().is_none());
        assert_eq!(none.of("no name").unwrap().now().iter().count(), 0);
    }
}
