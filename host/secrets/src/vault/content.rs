//! What is in the files of a vault, before it is encrypted. Written and read here, byte by byte, since no library for
//! formats wipes its buffers.
//!
//! | bytes | what it is |
//! |---|---|
//! | 1 | 0: the file `id`, and nothing follows the vault's number; 1: a tenant |
//! | 16 | the random number of the vault |
//! | 1 + n | the name of the tenant, after its length |
//! | 8 | how often the tenant's secrets were changed |
//! | 2 | how many secrets there are; for each: |
//! | 1 + n | its name, after its length |
//! | 8 | its version: the number of the change that made it |
//! | 8 | when that was, in seconds since 1970 |
//! | 4 + n | its value, after its length |

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::error::{Excess, Fault};
use super::seal;
use super::{MAX_SECRETS, MAX_TENANT_BYTES};
use crate::name::MAX_NAME_BYTES;
use crate::{Secret, SecretName, TenantName};

const ID: u8 = 0;
const TENANT: u8 = 1;
/// The random number of a vault.
pub(super) type VaultId = [u8; 16];
/// A tenant's file before its secrets, and what a secret needs beyond its value.
const TENANT_BYTES: usize = 1 + 16 + 1 + MAX_NAME_BYTES + 8 + 2;
const SECRET_BYTES: usize = 1 + MAX_NAME_BYTES + 8 + 8 + 4;
/// The longest content of a file.
pub(super) const MAX_CONTENT_BYTES: usize =
    TENANT_BYTES + MAX_SECRETS * SECRET_BYTES + MAX_TENANT_BYTES;

/// One secret of a tenant.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The value.
    pub secret: Secret,
    /// Grows with each change of the tenant's secrets, and is never used twice for one tenant.
    pub version: u64,
    /// When it was set, to the second.
    pub changed: SystemTime,
}

/// The secrets of one tenant, as they were when they were read.
#[derive(Clone, Default)]
pub struct TenantSecrets {
    pub(super) entries: BTreeMap<SecretName, Entry>,
    pub(super) changes: u64,
}

impl TenantSecrets {
    /// The value of a secret; `None`: there is none of that name.
    pub fn secret(&self, name: &SecretName) -> Option<&Secret> {
        self.entries.get(name).map(|entry| &entry.secret)
    }

    /// A secret with what is known of it.
    pub fn get(&self, name: &SecretName) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&SecretName, &Entry)> {
        self.entries.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How often they were changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Puts a secret in, and returns its version.
    pub(super) fn set(
        &mut self,
        name: SecretName,
        secret: Secret,
        now: SystemTime,
    ) -> Result<u64, Excess> {
        let others = self.entries.iter().filter(|(other, _)| **other != name);
        let (count, bytes) = others.fold((0, 0), |(count, bytes), (_, entry)| {
            (count + 1, bytes + entry.secret.expose().len())
        });
        if count >= MAX_SECRETS {
            return Err(Excess::Secrets);
        }
        if bytes + secret.expose().len() > MAX_TENANT_BYTES {
            return Err(Excess::Bytes);
        }
        let version = self.count_change()?;
        let entry = Entry {
            secret,
            version,
            changed: of_seconds(seconds(now)),
        };
        self.entries.insert(name, entry);
        Ok(version)
    }

    pub(super) fn count_change(&mut self) -> Result<u64, Excess> {
        self.changes = self.changes.checked_add(1).ok_or(Excess::Changes)?;
        Ok(self.changes)
    }
}

impl fmt::Debug for TenantSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantSecrets({} secrets)", self.len())
    }
}

/// The content of the file `id`.
pub(super) fn write_id(id: &VaultId) -> Zeroizing<Vec<u8>> {
    let mut out = seal::buffer(1 + id.len());
    out.push(ID);
    out.extend_from_slice(id);
    out
}

/// The number of the vault, from the file `id`.
pub(super) fn read_id(plain: &[u8]) -> Result<VaultId, Fault> {
    let mut input = Input::new(plain)?;
    if input.array()? != [ID] {
        return Err(Fault::Malformed);
    }
    let id = input.array()?;
    input.end()?;
    Ok(id)
}

/// The content of a tenant's file.
pub(super) fn write(
    id: &VaultId,
    tenant: &TenantName,
    secrets: &TenantSecrets,
) -> Zeroizing<Vec<u8>> {
    let values = secrets.entries.values();
    let values: usize = values.map(|entry| entry.secret.expose().len()).sum();
    // Enough: growing would move the values and leave the old bytes behind.
    let mut out = seal::buffer(TENANT_BYTES + secrets.len() * SECRET_BYTES + values);
    out.push(TENANT);
    out.extend_from_slice(id);
    put_name(&mut out, tenant.as_str());
    out.extend_from_slice(&secrets.changes.to_le_bytes());
    let count = u16::try_from(secrets.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&count.to_le_bytes());
    for (name, entry) in &secrets.entries {
        put_name(&mut out, name.as_str());
        out.extend_from_slice(&entry.version.to_le_bytes());
        out.extend_from_slice(&seconds(entry.changed).to_le_bytes());
        let value = entry.secret.expose();
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(value);
    }
    out
}

/// The secrets in a tenant's file, if it is that of this tenant in this vault.
pub(super) fn read(
    plain: &[u8],
    id: &VaultId,
    tenant: &TenantName,
) -> Result<TenantSecrets, Fault> {
    let mut input = Input::new(plain)?;
    if input.array()? != [TENANT] {
        return Err(Fault::Malformed);
    }
    if input.array()? != *id {
        return Err(Fault::OtherVault);
    }
    let named = input.name()?;
    if named != tenant.as_str() {
        return Err(Fault::OtherTenant(crate::name::shown(named.as_bytes())));
    }
    let changes = u64::from_le_bytes(input.array()?);
    let count = u16::from_le_bytes(input.array()?);
    let mut entries = BTreeMap::new();
    for _ in 0..count {
        let (name, entry) = input.secret()?;
        entries.insert(name, entry);
    }
    input.end()?;
    Ok(TenantSecrets { entries, changes })
}

fn put_name(out: &mut Vec<u8>, name: &str) {
    out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(name.as_bytes());
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

/// Times that no clock shows become the first one.
fn of_seconds(seconds: u64) -> SystemTime {
    UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .unwrap_or(UNIX_EPOCH)
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// The content behind the head.
    fn new(plain: &'a [u8]) -> Result<Self, Fault> {
        plain
            .get(seal::HEAD_BYTES..)
            .map(Self)
            .ok_or(Fault::Malformed)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Fault::Malformed)?;
        self.0 = rest;
        Ok(*array)
    }

    fn bytes(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(Fault::Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn name(&mut self) -> Result<&'a str, Fault> {
        let [length] = self.array()?;
        let name = self.bytes(length.into())?;
        std::str::from_utf8(name).map_err(|_| Fault::Malformed)
    }

    fn secret(&mut self) -> Result<(SecretName, Entry), Fault> {
        let name = self.name()?.parse().map_err(|_| Fault::Malformed)?;
        let version = u64::from_le_bytes(self.array()?);
        let changed = of_seconds(u64::from_le_bytes(self.array()?));
        let length = u32::from_le_bytes(self.array()?);
        let length = usize::try_from(length).map_err(|_| Fault::Malformed)?;
        let secret = Secret::copy_from(self.bytes(length)?).map_err(|_| Fault::Malformed)?;
        let entry = Entry {
            secret,
            version,
            changed,
        };
        Ok((name, entry))
    }

    /// Nothing but padding is left.
    fn end(self) -> Result<(), Fault> {
        if self.0.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        Err(Fault::Malformed)
    }
}
