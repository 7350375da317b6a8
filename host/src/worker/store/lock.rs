//! One host for one data directory, and no file in it that others can read.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use super::StoreError;

pub(super) const FILE: &str = "lock";
/// More than the digits of a process id.
const MAX_OWNER_BYTES: u64 = 20;

/// Makes the directory, for its owner only. One that is there stays as it is.
pub(super) fn make_dir(dir: &Path) -> Result<(), StoreError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(failed("create the directory", dir))
}

/// A directory that is taken.
#[derive(Debug)]
pub struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is being started has the same file until it runs its program.
        // What cannot be unlocked is closed all the same.
        let _ = self.0.unlock();
    }
}

/// Takes the directory until the lock is dropped, as the kernel does for a killed process.
pub(super) fn take(dir: &Path) -> Result<Lock, StoreError> {
    let path = dir.join(FILE);
    let mut file = private_file(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let owner = owner(&mut file);
            let dir = dir.to_owned();
            return Err(StoreError::InUse { dir, owner });
        }
        Err(TryLockError::Error(source)) => return Err(failed("lock", &path)(source)),
    }
    // Who it is, for a message only: a full disk is no reason not to begin.
    let told = file
        .set_len(0)
        .and_then(|()| write!(file, "{}", std::process::id()));
    if let Err(error) = told {
        tracing::debug!("{}: {error}", path.display());
    }
    Ok(Lock(file))
}

/// Opens a file, made for its owner only before anything is in it, and made so if it was not.
pub(super) fn private_file(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed("open", path))?;
    let mode = file.metadata().map_err(failed("read", path))?.permissions();
    if mode.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600))
            .map_err(failed("protect", path))?;
    }
    Ok(file)
}

/// The same, with nothing in it.
pub(super) fn emptied_file(path: &Path) -> Result<File, StoreError> {
    let file = private_file(path)?;
    file.set_len(0).map_err(failed("empty", path))?;
    Ok(file)
}

fn owner(file: &mut File) -> String {
    let mut pid = String::new();
    let read = file.take(MAX_OWNER_BYTES).read_to_string(&mut pid);
    match (read, pid.parse::<u32>()) {
        (Ok(_), Ok(pid)) => format!("process {pid}"),
        _ => "a process that has just begun".to_owned(),
    }
}

pub(super) fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File {
        action,
        path: path.clone(),
        source: Arc::new(source),
    }
}
