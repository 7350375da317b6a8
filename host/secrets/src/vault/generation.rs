//! The numbered directory in which all files are encrypted to one key. The one with the highest number is in force.

use std::io;

use zeroize::Zeroizing;

use super::content::{self, MAX_CONTENT_BYTES, TenantSecrets, VaultId};
use super::disk::Dir;
use super::error::{Fault, VaultError};
use super::{NEW, SUFFIX, failed, seal};
use crate::{Key, TenantName};

/// The directory that will be the next one.
const NEXT: &str = "new";
/// The file that every directory has.
const ID: &str = "id";
const MAX_ID_BYTES: usize = 8192;

pub(super) fn file_of(tenant: &TenantName) -> String {
    format!("{tenant}{SUFFIX}")
}

/// The number of the directory that is in force. `None`: there is no vault.
pub(super) fn last(root: &Dir) -> Result<Option<u32>, VaultError> {
    let numbers = numbers(root).map_err(|source| failed(root.path(), source))?;
    Ok(numbers.into_iter().max())
}

fn numbers(root: &Dir) -> io::Result<Vec<u32>> {
    let number = |name: &str| {
        let number = name.parse().ok()?;
        // One spelling only: whoever looks for a number finds the same directory.
        (number > 0 && dir_name(number) == name).then_some(number)
    };
    let names = root.names()?;
    let names = names.iter().filter_map(|name| name.to_str());
    Ok(names.filter_map(number).collect())
}

fn dir_name(number: u32) -> String {
    format!("{number:08}")
}

/// Opens the directory that is in force with the key of the vault, and removes what does not belong there.
pub(super) fn open(root: &Dir, key: &Key) -> Result<(u32, Dir, VaultId), VaultError> {
    let none = || VaultError::NotThere(root.path().to_owned());
    let number = last(root)?.ok_or_else(none)?;
    let files = enter(root, number)?;
    let id = read_id(root, &files, key)?;
    // Only with the right key: with another one nobody knows what is needed.
    remove_others(root, number).map_err(|source| failed(root.path(), source))?;
    remove_unfinished(&files).map_err(|source| failed(files.path(), source))?;
    Ok((number, files, id))
}

fn enter(root: &Dir, number: u32) -> Result<Dir, VaultError> {
    let name = dir_name(number);
    root.enter(&name)
        .map_err(|source| failed(&root.path().join(name), source))
}

fn read_id(root: &Dir, files: &Dir, key: &Key) -> Result<VaultId, VaultError> {
    let path = files.path().join(ID);
    let read = files.read(ID, MAX_ID_BYTES);
    let sealed = read.map_err(|source| failed(&path, source))?;
    let broken = |fault| VaultError::Broken {
        file: path.clone(),
        fault,
    };
    let sealed = sealed.ok_or_else(|| failed(&path, io::ErrorKind::NotFound.into()))?;
    let plain = match seal::open(key, &sealed) {
        Err(Fault::OtherKey) => return Err(VaultError::OtherKey(root.path().to_owned())),
        opened => opened.map_err(broken)?,
    };
    content::read_id(&plain).map_err(broken)
}

/// Begins the next directory, in the place of one that was begun before.
pub(super) fn begin(root: &Dir, id: &VaultId, key: &Key) -> Result<Dir, VaultError> {
    let sealed = sealed(key, content::write_id(id))?;
    let begun = root.remove_dir(NEXT).and_then(|()| root.make_dir(NEXT));
    let next = begun.and_then(|()| root.enter(NEXT));
    let next = next.map_err(|source| failed(&root.path().join(NEXT), source))?;
    let written = next.write(ID, &sealed).and_then(|()| next.sync());
    written.map_err(|source| failed(&next.path().join(ID), source))?;
    Ok(next)
}

/// Gives the next directory the number after `last`. It may be forgotten in a crash until `root` is synchronised.
pub(super) fn put_in_force(root: &Dir, last: u32) -> Result<(u32, Dir), VaultError> {
    let exhausted = || io::Error::other("its numbers are used up");
    let number = last.checked_add(1).ok_or_else(exhausted);
    let number = number.map_err(|source| failed(root.path(), source))?;
    // Opened first: once it has the name, nothing that could fail stands between it and who asked.
    let path = root.path().join(NEXT);
    let files = root.enter(NEXT).map_err(|source| failed(&path, source))?;
    let renamed = root.rename(NEXT, &dir_name(number));
    renamed.map_err(|source| failed(&path, source))?;
    Ok((number, files.moved(root, &dir_name(number))))
}

/// Removes every directory but the one that is in force, which is on disk before anything goes.
pub(super) fn remove_others(root: &Dir, number: u32) -> io::Result<()> {
    let mut others: Vec<String> = numbers(root)?
        .into_iter()
        .filter(|other| *other != number)
        .map(dir_name)
        .collect();
    if root.names()?.iter().any(|name| name == NEXT) {
        others.push(NEXT.to_owned());
    }
    root.sync()?;
    for other in &others {
        root.remove_dir(other)?;
    }
    if others.is_empty() {
        return Ok(());
    }
    root.sync()
}

/// Removes files that were being written.
fn remove_unfinished(files: &Dir) -> io::Result<()> {
    for name in files.names()? {
        let is_unfinished = name
            .to_str()
            .and_then(|name| name.strip_suffix(NEW)?.strip_suffix(SUFFIX))
            .is_some();
        if is_unfinished {
            files.remove(&name)?;
        }
    }
    Ok(())
}

/// The secrets of a tenant. `None`: it has no file.
pub(super) fn read_tenant(
    files: &Dir,
    id: &VaultId,
    key: &Key,
    tenant: &TenantName,
) -> Result<Option<TenantSecrets>, VaultError> {
    let name = file_of(tenant);
    let max_bytes = seal::file_bytes(MAX_CONTENT_BYTES);
    let file = files.path().join(&name);
    let sealed = files.read(&name, max_bytes);
    let Some(sealed) = sealed.map_err(|source| failed(&file, source))? else {
        return Ok(None);
    };
    let read = if sealed.len() > max_bytes {
        Err(Fault::TooLong)
    } else {
        seal::open(key, &sealed).and_then(|plain| content::read(&plain, id, tenant))
    };
    read.map(Some)
        .map_err(|fault| VaultError::Broken { file, fault })
}

/// Writes the file of a tenant into a directory that is not in force yet.
pub(super) fn write_tenant(
    files: &Dir,
    tenant: &TenantName,
    id: &VaultId,
    key: &Key,
    secrets: &TenantSecrets,
) -> Result<(), VaultError> {
    let name = file_of(tenant);
    let sealed = sealed(key, content::write(id, tenant, secrets))?;
    let written = files.write(&name, &sealed);
    written.map_err(|source| failed(&files.path().join(name), source))
}

/// Encrypts a content.
pub(super) fn sealed(key: &Key, content: Zeroizing<Vec<u8>>) -> Result<Vec<u8>, VaultError> {
    seal::seal(key, content).map_err(VaultError::Encrypt)
}
