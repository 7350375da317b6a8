//! The directory in which the secrets of all tenants are kept, encrypted.
//!
//! # What is in the directory
//!
//! | name | what it is |
//! |---|---|
//! | `lock` | held by the one process that has the vault |
//! | `00000001/` | everything, encrypted to one key; a rotation makes the next number |
//! | `00000001/id` | the random number of the vault, which shows whether a key is the right one |
//! | `00000001/NAME.age` | the secrets of one tenant |
//! | `new/` | what a rotation that did not come to its end has made; removed when the vault is opened |
//!
//! Directories and files are their owner's only. The names of tenants can be seen, and how much each has, to a
//! KiB; the names of secrets and their values cannot. `content.rs` and `seal.rs` say what is in
//! a file.
//!
//! # What is seen, and what is not
//!
//! A file that was cut off, changed, moved, brought from another vault or written without the key is an error. What
//! nothing here shows is an *older* file of the same tenant in the place of a newer one, and a file that was removed:
//! who can write to the disk can bring back an old password, or make a tenant have no secrets.
//!
//! # A key is rotated
//!
//! 1. Everything is encrypted anew into `new/`, each file and the directory waited for.
//! 2. `new/` gets the next number as its name. This one step decides: before it the old key opens everything, after it
//!    the new one does.
//! 3. The old directory is removed. If the host dies before that, opening the vault with the new key does it.
//!
//! What was removed may still be in a copy, or in blocks of the disk that nothing has written over: after a key was
//! lost to somebody, change the secrets, too.
//!
//! # What stays in memory
//!
//! The vault holds its key, and no secret. What it decrypts goes through buffers that are wiped. What it encrypts goes
//! through one buffer of age (up to 64 KiB) that is freed without being wiped, since age gives no access to it; so
//! [`Vault::set`], [`Vault::remove`] and [`Vault::rotate`] leave a copy behind until that memory is used again. Of what
//! the compiler keeps on the stack and in registers for a moment, nobody knows.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use self::content::VaultId;
use self::disk::{Dir, Lock};
use crate::{Key, Secret, SecretName, TenantName};

mod content;
mod disk;
mod error;
mod generation;
mod seal;
#[cfg(test)]
mod tests;

pub use content::{Entry, TenantSecrets};
pub use error::{Excess, Fault, VaultError};

/// Secrets that a tenant may have.
pub const MAX_SECRETS: usize = 256;
/// Bytes that the values of a tenant's secrets may have together.
pub const MAX_TENANT_BYTES: usize = 4 * 1024 * 1024;
/// Tenants that may have secrets.
pub const MAX_TENANTS: usize = 4096;

/// Behind a tenant's name. A file that is being written has [`NEW`] behind that, so none looks like another's.
const SUFFIX: &str = ".age";
const NEW: &str = ".new";
const OTHERS_WRITE: u32 = 0o022;

/// An open vault, which no other process can open until it is dropped.
#[derive(Debug)]
pub struct Vault {
    // Declared in the order in which they go: the lock last.
    root: Dir,
    /// The directory of all files.
    files: Dir,
    number: u32,
    id: VaultId,
    key: Key,
    _lock: Lock,
}

impl Vault {
    /// Makes an empty vault in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// When there is a vault, or it cannot be written.
    pub fn create(dir: &Path, key: Key) -> Result<Self, VaultError> {
        let root = Dir::make(dir).map_err(|source| failed(dir, source))?;
        let lock = take(&root)?;
        if generation::last(&root)?.is_some() {
            return Err(VaultError::AlreadyThere(dir.to_owned()));
        }
        let mut id = VaultId::default();
        getrandom::fill(&mut id).map_err(|error| VaultError::Encrypt(error.to_string()))?;
        generation::begin(&root, &id, &key)?;
        let (number, files) = generation::put_in_force(&root, 0)?;
        root.sync().map_err(|source| failed(dir, source))?;
        root.sync_way();
        Ok(Self::unlocked(root, lock, key, (number, files, id)))
    }

    /// Opens a vault, and removes what an interrupted change or rotation has left.
    ///
    /// # Errors
    /// When there is none, another process holds it, the key is another one, or it is broken.
    pub fn open(dir: &Path, key: Key) -> Result<Self, VaultError> {
        let (root, lock) = find(dir)?;
        let opened = generation::open(&root, &key)?;
        Ok(Self::unlocked(root, lock, key, opened))
    }

    /// Opens a vault whose rotation from `old` to `new` was interrupted somewhere, and finishes it: from then on only
    /// `new` opens it. It does no harm where nothing was interrupted.
    ///
    /// # Errors
    /// When neither key opens it, and otherwise as [`Vault::open`] and [`Vault::rotate`].
    pub fn finish_rotation(dir: &Path, new: Key, old: Key) -> Result<Self, VaultError> {
        let (root, lock) = find(dir)?;
        match generation::open(&root, &new) {
            Err(VaultError::OtherKey(_)) => {
                let opened = generation::open(&root, &old)?;
                let mut vault = Self::unlocked(root, lock, old, opened);
                vault.rotate(new)?;
                Ok(vault)
            }
            opened => Ok(Self::unlocked(root, lock, new, opened?)),
        }
    }

    fn unlocked(root: Dir, lock: Lock, key: Key, opened: (u32, Dir, VaultId)) -> Self {
        let (number, files, id) = opened;
        Self {
            root,
            files,
            number,
            id,
            key,
            _lock: lock,
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.root.path()
    }

    /// The tenants that have secrets or had some, by name.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn tenants(&self) -> Result<Vec<TenantName>, VaultError> {
        let names = self.files.names();
        let names = names.map_err(|source| failed(self.files.path(), source))?;
        let tenant = |name: &str| name.strip_suffix(SUFFIX)?.parse().ok();
        let names = names.iter().filter_map(|name| name.to_str());
        Ok(names.filter_map(tenant).collect())
    }

    /// The secrets of a tenant, decrypted; none for one that has none. Only its own file is read.
    ///
    /// # Errors
    /// When the file is not what was written, or cannot be read.
    pub fn read(&self, tenant: &TenantName) -> Result<TenantSecrets, VaultError> {
        generation::read_tenant(&self.files, &self.id, &self.key, tenant)
            .map(Option::unwrap_or_default)
    }

    /// Sets a secret of a tenant, new or not, and returns its version. It is on disk when this returns; if it fails, or
    /// the host dies, either the old secrets of the tenant are there or the new ones.
    ///
    /// # Errors
    /// When the tenant may have no more, its file is broken, or it cannot be written.
    pub fn set(
        &mut self,
        tenant: &TenantName,
        name: SecretName,
        secret: Secret,
        now: SystemTime,
    ) -> Result<u64, VaultError> {
        let kept = generation::read_tenant(&self.files, &self.id, &self.key, tenant)?;
        if kept.is_none() && self.tenants()?.len() >= MAX_TENANTS {
            return Err(VaultError::TooManyTenants);
        }
        let mut secrets = kept.unwrap_or_default();
        let version = secrets.set(name, secret, now);
        let version = version.map_err(|what| full(tenant, what))?;
        self.replace(tenant, &secrets)?;
        Ok(version)
    }

    /// Removes a secret of a tenant; `false`: there was none. A later secret of that name has a later version.
    ///
    /// # Errors
    /// When the file of the tenant is broken or cannot be written.
    pub fn remove(&mut self, tenant: &TenantName, name: &SecretName) -> Result<bool, VaultError> {
        let mut secrets = self.read(tenant)?;
        if secrets.entries.remove(name).is_none() {
            return Ok(false);
        }
        secrets.count_change().map_err(|what| full(tenant, what))?;
        self.replace(tenant, &secrets)?;
        Ok(true)
    }

    /// Removes all that there is of a tenant, which may be broken.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn erase(&mut self, tenant: &TenantName) -> Result<(), VaultError> {
        let file = generation::file_of(tenant);
        let removed = self.files.remove(file.as_ref());
        removed
            .and_then(|()| self.files.sync())
            .map_err(|source| failed(&self.files.path().join(file), source))
    }

    /// Encrypts everything to a new key, after which the old one opens nothing. Keep the new key where it will be found
    /// before you call this ([`Key::write_new`]), and the old one until it returns.
    ///
    /// # Errors
    /// [`VaultError::HalfRotated`] when the new key is in force and the old files may still be there. After any other,
    /// the old key is in force and all is as it was.
    pub fn rotate(&mut self, new: Key) -> Result<(), VaultError> {
        let next = generation::begin(&self.root, &self.id, &new)?;
        for tenant in self.tenants()? {
            let secrets = self.read(&tenant)?;
            generation::write_tenant(&next, &tenant, &self.id, &new, &secrets)?;
        }
        next.sync().map_err(|source| failed(next.path(), source))?;
        let old = self.number;
        (self.number, self.files) = generation::put_in_force(&self.root, old)?;
        self.key = new;
        let removed = generation::remove_others(&self.root, self.number);
        removed.map_err(|source| VaultError::HalfRotated {
            dir: self.path().to_owned(),
            source,
        })
    }

    /// Puts the secrets of a tenant in the place of those that are there.
    fn replace(&self, tenant: &TenantName, secrets: &TenantSecrets) -> Result<(), VaultError> {
        let file = generation::file_of(tenant);
        let new = format!("{file}{NEW}");
        let sealed = generation::sealed(&self.key, content::write(&self.id, tenant, secrets))?;
        let written = self.files.write(&new, &sealed);
        written
            .and_then(|()| self.files.rename(&new, &file))
            .and_then(|()| self.files.sync())
            .map_err(|source| failed(&self.files.path().join(file), source))
    }
}

fn find(dir: &Path) -> Result<(Dir, Lock), VaultError> {
    let root = match Dir::open(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(VaultError::NotThere(dir.to_owned()));
        }
        opened => opened.map_err(|source| failed(dir, source))?,
    };
    // Before the lock: a directory that is no vault is left without a file of ours.
    if generation::last(&root)?.is_none() {
        return Err(VaultError::NotThere(dir.to_owned()));
    }
    let lock = take(&root)?;
    Ok((root, lock))
}

/// Takes the directory, if nobody else can change what is in it.
fn take(root: &Dir) -> Result<Lock, VaultError> {
    let mode = root.mode().map_err(|source| failed(root.path(), source))?;
    if mode & OTHERS_WRITE != 0 {
        let dir = root.path().to_owned();
        return Err(VaultError::Exposed { dir, mode });
    }
    let lock = root.lock().map_err(|source| failed(root.path(), source))?;
    lock.ok_or_else(|| VaultError::InUse(root.path().to_owned()))
}

fn full(tenant: &TenantName, what: Excess) -> VaultError {
    VaultError::Full {
        tenant: tenant.clone(),
        what,
    }
}

fn failed(path: &Path, source: io::Error) -> VaultError {
    VaultError::Io {
        path: PathBuf::from(path),
        source,
    }
}
