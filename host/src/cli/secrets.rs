//! `ewh secrets`: the secrets of tenants, while no host serves them. A host that does holds the vault, and is asked by its
//! API. A value comes from standard input only, and nothing shows one.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::{Args, Subcommand};
use external_worker_secrets::key::{KeyError, KeySources};
use external_worker_secrets::secret::MAX_VALUE_BYTES;
use external_worker_secrets::vault::VaultError;
use external_worker_secrets::{Key, Secret, SecretName, TenantName, Vault, harden_process};
use serde_json::json;
use zeroize::Zeroizing;

use super::error::{CliError, Exit};
use super::output::Output;
use crate::audit::Stamp;

/// Set, list and remove the secrets of tenants
///
/// A policy names secrets in `secrets` of an `[[http]]` grant; where a header of a request that it allows has
/// {{secret:NAME}}, the host sends the secret, and the worker never has it. The host that serves holds the directory: set
/// secrets by its API then, or before it starts.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Set a secret to what is on standard input, without the end of its line
    Set(SetCommand),
    /// List the names of secrets, and when they were set
    List(ListCommand),
    /// Remove a secret
    Remove(RemoveCommand),
    /// Encrypt all secrets to a new key
    Rotate(RotateCommand),
}

/// Where secrets are kept.
#[derive(Debug, Args)]
struct VaultArgs {
    /// The directory of the secrets
    #[arg(long, value_name = "DIR")]
    secrets: PathBuf,
    /// The file with the key, as age-keygen makes it, made if there are no secrets yet [default: the systemd credential
    /// ewh-secrets-key, or the environment variable EWH_SECRETS_KEY]
    #[arg(long, value_name = "FILE")]
    secrets_key: Option<PathBuf>,
}

/// Set a secret
#[derive(Debug, Args)]
pub struct SetCommand {
    /// The name: letters, digits, `_`, `.` and `-`
    name: SecretName,
    /// The tenant; of one Worker alone, its --name
    #[arg(long, value_name = "NAME")]
    tenant: TenantName,
    #[command(flatten)]
    vault: VaultArgs,
}

/// List secrets
#[derive(Debug, Args)]
pub struct ListCommand {
    /// Only those of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<TenantName>,
    #[command(flatten)]
    vault: VaultArgs,
}

/// Remove a secret
#[derive(Debug, Args)]
pub struct RemoveCommand {
    /// The name
    name: SecretName,
    /// The tenant
    #[arg(long, value_name = "NAME")]
    tenant: TenantName,
    #[command(flatten)]
    vault: VaultArgs,
}

/// Encrypt all secrets to a new key
///
/// The old key opens nothing after that. Run it again with both keys if it was interrupted.
#[derive(Debug, Args)]
pub struct RotateCommand {
    /// The file with the new key; made if it is not there
    #[arg(long, value_name = "FILE")]
    new_key: PathBuf,
    #[command(flatten)]
    vault: VaultArgs,
}

impl SecretsCommand {
    pub(super) fn execute(self, output: &Output) -> Result<Exit, CliError> {
        if let Err(error) = harden_process() {
            tracing::warn!("{error}");
        }
        match self {
            Self::Set(command) => command.execute(output),
            Self::List(command) => command.execute(output),
            Self::Remove(command) => command.execute(output),
            Self::Rotate(command) => command.execute(output),
        }
    }
}

impl SetCommand {
    fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let Self {
            name,
            tenant,
            vault,
        } = self;
        let secret = value()?;
        let mut vault = open_or_make(&vault.secrets, vault.secrets_key)?;
        let version = vault.set(&tenant, name.clone(), secret, SystemTime::now());
        let version = version.map_err(wrong)?;
        if output.is_json() {
            let line =
                json!({ "tenant": tenant.as_str(), "name": name.as_str(), "version": version });
            output.print_json(&line)?;
        } else {
            output.note(&format!("the tenant {tenant} has the secret {name}"));
        }
        Ok(Exit::Ok)
    }
}

impl ListCommand {
    fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let vault = open(&self.vault.secrets, self.vault.secrets_key)?;
        let tenants = match self.tenant {
            Some(tenant) => vec![tenant],
            None => vault.tenants().map_err(wrong)?,
        };
        for tenant in tenants {
            let secrets = vault.read(&tenant).map_err(wrong)?;
            for (name, entry) in secrets.iter() {
                let (version, changed) = (entry.version, Stamp::from(entry.changed));
                if output.is_json() {
                    output.print_json_line(&json!({
                        "tenant": tenant.as_str(), "name": name.as_str(), "version": version,
                        "changed": changed.to_string(),
                    }))?;
                } else {
                    output.print(&format!(
                        "{tenant}  {name}  version {version}, set {changed}"
                    ))?;
                }
            }
        }
        Ok(Exit::Ok)
    }
}

impl RemoveCommand {
    fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let Self {
            name,
            tenant,
            vault,
        } = self;
        let mut vault = open(&vault.secrets, vault.secrets_key)?;
        if !vault.remove(&tenant, &name).map_err(wrong)? {
            return Err(CliError::Usage(format!(
                "the tenant {tenant} has no secret {name}; `ewh secrets list` shows those that there are"
            )));
        }
        output.note(&format!(
            "the tenant {tenant} has no secret {name} any more"
        ));
        Ok(Exit::Ok)
    }
}

impl RotateCommand {
    fn execute(self, output: &Output) -> Result<Exit, CliError> {
        let dir = &self.vault.secrets;
        let old = key(self.vault.secrets_key)?;
        if !self.new_key.exists() {
            let made = Key::generate().write_new(&self.new_key);
            made.map_err(|error| CliError::Usage(error.to_string()))?;
        }
        let new = key(Some(self.new_key.clone()))?;
        let vault = Vault::finish_rotation(dir, new, old).map_err(wrong)?;
        drop(vault);
        output.note(&format!(
            "the secrets in {} open with the key in {}, and with no other",
            dir.display(),
            self.new_key.display()
        ));
        Ok(Exit::Ok)
    }
}

/// The vault in `dir`; a new one where there is none, with a new key if `file` names one that is not there.
///
/// # Errors
/// When it cannot be opened or made.
pub(super) fn open_or_make(dir: &Path, file: Option<PathBuf>) -> Result<Vault, CliError> {
    if let Some(file) = file.as_deref().filter(|file| !file.exists()) {
        // Whatever opens it, this does not.
        match Vault::open(dir, Key::generate()) {
            Err(VaultError::NotThere(_)) => {
                let made = Key::generate().write_new(file);
                made.map_err(|error| CliError::Usage(format!("--secrets-key: {error}")))?;
            }
            Err(VaultError::OtherKey(_)) | Ok(_) => {
                let (dir, file) = (dir.display(), file.display());
                return Err(CliError::Usage(format!(
                    "there are secrets in {dir}, and {file}, the file with their key, is not there; name the right one"
                )));
            }
            Err(error) => return Err(wrong(error)),
        }
    }
    match open(dir, file.clone()) {
        Err(Opening::NotThere(_)) => Vault::create(dir, key(file)?).map_err(wrong),
        opened => opened.map_err(CliError::from),
    }
}

/// Why a vault is not open.
enum Opening {
    NotThere(CliError),
    Failed(CliError),
}

impl From<Opening> for CliError {
    fn from(opening: Opening) -> Self {
        let (Opening::NotThere(error) | Opening::Failed(error)) = opening;
        error
    }
}

fn open(dir: &Path, file: Option<PathBuf>) -> Result<Vault, Opening> {
    let key = key(file).map_err(Opening::Failed)?;
    Vault::open(dir, key).map_err(|error| match error {
        error @ VaultError::NotThere(_) => Opening::NotThere(wrong(error)),
        error => Opening::Failed(wrong(error)),
    })
}

fn key(file: Option<PathBuf>) -> Result<Key, CliError> {
    let loaded = KeySources::of_process(file).load();
    let loaded = loaded.map_err(|error: KeyError| CliError::Usage(error.to_string()));
    loaded.map(|(key, _origin)| key)
}

/// What is wrong with a vault, as its operator is told.
pub(super) fn wrong(error: VaultError) -> CliError {
    CliError::Usage(format!("--secrets: {error}"))
}

/// The value on standard input, without the end of its line.
fn value() -> Result<Secret, CliError> {
    let wrong = |problem: &str| CliError::Usage(format!("the secret on standard input {problem}"));
    // As large as it may become: one that grows leaves old bytes behind.
    let mut given = Zeroizing::new(Vec::with_capacity(MAX_VALUE_BYTES + 64));
    let input = std::io::stdin().take(MAX_VALUE_BYTES as u64 + 3);
    { input }
        .read_to_end(&mut given)
        .map_err(CliError::Machine)?;
    let value = given.strip_suffix(b"\n").unwrap_or(&given);
    let value = value.strip_suffix(b"\r").unwrap_or(value);
    Secret::copy_from(value).map_err(|error| wrong(&format!("cannot be kept: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_vault_gets_a_new_key_and_one_that_is_there_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let (vault, key) = (dir.path().join("secrets"), dir.path().join("key"));
        drop(open_or_make(&vault, Some(key.clone())).unwrap());
        assert!(key.exists());
        drop(open_or_make(&vault, Some(key.clone())).unwrap());
        std::fs::rename(&key, dir.path().join("elsewhere")).unwrap();
        let error = open_or_make(&vault, Some(key.clone())).unwrap_err();
        assert!(error.to_string().contains("name the right one"), "{error}");
        assert!(!key.exists(), "no key is made for what it does not open");
    }
}
