//! What may be wrong with a vault, as an operator reads it. Nothing here has anything of a value.

use std::io;
use std::path::PathBuf;

use super::{MAX_SECRETS, MAX_TENANT_BYTES, MAX_TENANTS};
use crate::TenantName;

/// Why a vault did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Another process, or another [`Vault`](super::Vault) of this one, holds it.
    #[error("another process holds the secrets in {}. Stop it, or ask it", .0.display())]
    InUse(PathBuf),
    /// There is none.
    #[error("there are no secrets in {}. Name another directory, or make a vault there", .0.display())]
    NotThere(PathBuf),
    /// There is one already.
    #[error("there are secrets in {} already. Open them, or name another directory", .0.display())]
    AlreadyThere(PathBuf),
    /// Others can change what is in it.
    #[error(
        "others can write in {} (mode {mode:03o}), so they could bring old secrets back. Run `chmod 700` on it",
        .dir.display()
    )]
    Exposed {
        /// The directory.
        dir: PathBuf,
        /// The rights, as `chmod` takes them.
        mode: u32,
    },
    /// It does not open with the key.
    #[error(
        "the secrets in {} do not open with this key: they were encrypted to another one. Name that one. After a \
         rotation that was interrupted, name both", .0.display()
    )]
    OtherKey(PathBuf),
    /// A file is not what was written.
    #[error("{}: {fault}. Bring the file back from a copy, or erase what it is of", .file.display())]
    Broken {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// A tenant has as many as it may have.
    #[error("the tenant {tenant} may have no more: {what}. Remove some")]
    Full {
        /// The tenant.
        tenant: TenantName,
        /// What there is too much of.
        what: Excess,
    },
    /// There are as many tenants with secrets as there may be.
    #[error("there are {MAX_TENANTS} tenants with secrets, and may be no more. Erase some")]
    TooManyTenants,
    /// The new key is in force, but the old files may still be there.
    #[error(
        "the secrets in {} have their new key, but what the old one opens may still be there: {source}. Keep both keys, \
         and open the vault again with the new one, which removes it", .dir.display()
    )]
    HalfRotated {
        /// The directory.
        dir: PathBuf,
        /// Why it is not over.
        source: io::Error,
    },
    /// The system has no random numbers, or `age` does not encrypt.
    #[error("nothing can be encrypted at the moment: {0}")]
    Encrypt(String),
    /// A file or a directory.
    #[error("{} cannot be used: {source}. Check that the host may write there, and that there is room", .path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// What there may be no more of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Excess {
    /// Secrets.
    #[error("{MAX_SECRETS} secrets")]
    Secrets,
    /// Bytes.
    #[error("{MAX_TENANT_BYTES} bytes of secrets")]
    Bytes,
    /// Changes: 2^64 are more than anybody makes.
    #[error("its changes cannot be counted any further")]
    Changes,
}

/// What is wrong with a file of a vault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is no file of age.
    #[error("it is not encrypted: its beginning was changed, or it is another file")]
    NotEncrypted,
    /// The key of the vault does not open it.
    #[error("it is encrypted to another key than the vault, or its beginning was changed")]
    OtherKey,
    /// It was cut off.
    #[error("its end is missing")]
    Torn,
    /// It was changed.
    #[error("it was changed after it was written")]
    Changed,
    /// Somebody without the key wrote it.
    #[error("it was written by somebody without the key; find out who can write there")]
    Forged,
    /// It is of another vault with the same key.
    #[error("it is of another vault: it was brought here")]
    OtherVault,
    /// It is of another tenant.
    #[error("it is the file of the tenant {0}: files were renamed or moved")]
    OtherTenant(String),
    /// A later program wrote it.
    #[error(
        "its format has the version {0}, which this program does not know; use the one that wrote it"
    )]
    Version(u32),
    /// It is longer than any that a vault writes.
    #[error("it is longer than any that a vault writes")]
    TooLong,
    /// What is in it makes no sense, though the key is right.
    #[error("what is in it makes no sense")]
    Malformed,
}
