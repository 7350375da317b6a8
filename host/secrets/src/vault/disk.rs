//! The directories of a vault: opened once and worked in by name, never through a link, for their owner only.
//!
//! Every change goes through [`Dir::step`], so that tests can stop between any two of them.

use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

#[cfg(test)]
pub(super) use super::tests::tape::{Op, Tape};

const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);
/// `NONBLOCK`: opening a pipe that somebody put there must not wait for its other end.
const FLAGS: OFlags = OFlags::CLOEXEC
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK);
const DIR_FLAGS: OFlags = OFlags::CLOEXEC
    .union(OFlags::NOFOLLOW)
    .union(OFlags::DIRECTORY);
/// Held by the one process that has the vault.
const LOCK: &str = "lock";

/// An open directory.
#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
    #[cfg(test)]
    pub(super) tape: Tape,
}

impl Dir {
    /// Makes the directory, for its owner only, unless it is there, and opens it.
    pub(super) fn make(path: &Path) -> io::Result<Self> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(path)?;
        Self::open(path)
    }

    /// Opens a directory that somebody named: a link may lead to it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = DIR_FLAGS.difference(OFlags::NOFOLLOW);
        Ok(Self {
            fd: rustix::fs::open(path, flags, Mode::empty())?,
            path: path.to_owned(),
            #[cfg(test)]
            tape: Tape::default(),
        })
    }

    /// Opens a directory in this one.
    pub(super) fn enter(&self, name: &str) -> io::Result<Self> {
        Ok(Self {
            fd: rustix::fs::openat(&self.fd, name, DIR_FLAGS, Mode::empty())?,
            path: self.path.join(name),
            #[cfg(test)]
            tape: self.tape.clone(),
        })
    }

    /// This directory, after it got another name in `parent`.
    pub(super) fn moved(mut self, parent: &Self, name: &str) -> Self {
        self.path = parent.path.join(name);
        self
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Who may do what with it, as `chmod` takes it.
    pub(super) fn mode(&self) -> io::Result<u32> {
        Ok(File::from(self.fd.try_clone()?).metadata()?.mode() & 0o777)
    }

    /// Everything in it, by name, in order.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// Reads a plain file whole, up to `max_bytes` and one more. `None`: there is none.
    pub(super) fn read(&self, name: &str, max_bytes: usize) -> io::Result<Option<Vec<u8>>> {
        let opened = rustix::fs::openat(&self.fd, name, FLAGS | OFlags::RDONLY, Mode::empty());
        let file = match opened {
            Err(Errno::NOENT) => return Ok(None),
            opened => File::from(opened?),
        };
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        let mut bytes = Vec::new();
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// Writes a file, over one that is there, and waits until its bytes are on disk. Its name may not be.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        self.step(Op::Create(self.path.join(name)))?;
        let flags = FLAGS | OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC;
        let mut file = File::from(rustix::fs::openat(&self.fd, name, flags, OWNER_ONLY)?);
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a plain file"));
        }
        // One that was there may be open to others.
        rustix::fs::fchmod(&file, OWNER_ONLY)?;
        #[cfg(test)]
        self.step(Op::Write(self.path.join(name), bytes.to_vec()))?;
        file.write_all(bytes)?;
        #[cfg(test)]
        self.step(Op::SyncFile(self.path.join(name)))?;
        file.sync_all()
    }

    /// Gives a file or directory another name, in place of a file that has it.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        #[cfg(test)]
        self.step(Op::Rename(self.path.join(from), self.path.join(to)))?;
        Ok(rustix::fs::renameat(&self.fd, from, &self.fd, to)?)
    }

    /// Makes a directory in this one.
    pub(super) fn make_dir(&self, name: &str) -> io::Result<()> {
        #[cfg(test)]
        self.step(Op::MakeDir(self.path.join(name)))?;
        Ok(rustix::fs::mkdirat(&self.fd, name, Mode::RWXU)?)
    }

    /// Removes a file. One that is not there is no error.
    pub(super) fn remove(&self, name: &std::ffi::OsStr) -> io::Result<()> {
        #[cfg(test)]
        self.step(Op::Remove(self.path.join(name)))?;
        gone(rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()))
    }

    /// Removes a directory and the files in it. One that is not there is no error.
    pub(super) fn remove_dir(&self, name: &str) -> io::Result<()> {
        match self.enter(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entered => {
                let dir = entered?;
                for file in dir.names()? {
                    dir.remove(&file)?;
                }
            }
        }
        #[cfg(test)]
        self.step(Op::RemoveDir(self.path.join(name)))?;
        gone(rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR))
    }

    /// Waits until the names in it are on disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        #[cfg(test)]
        self.step(Op::SyncDir(self.path.clone()))?;
        Ok(rustix::fs::fsync(&self.fd)?)
    }

    /// Waits until the way to it is on disk, where it may have been made, as far as that is ours to do.
    pub(super) fn sync_way(&self) {
        let way = std::fs::canonicalize(&self.path).unwrap_or_default();
        for above in way.ancestors().skip(1) {
            let _ = Self::open(above).and_then(|above| above.sync());
        }
    }

    /// Takes the directory until the lock is dropped, as the kernel does for a killed process. `None`: another
    /// has it.
    pub(super) fn lock(&self) -> io::Result<Option<Lock>> {
        let flags = FLAGS | OFlags::RDWR | OFlags::CREATE;
        let file = File::from(rustix::fs::openat(&self.fd, LOCK, flags, OWNER_ONLY)?);
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// A change is about to be made.
    #[cfg(test)]
    fn step(&self, op: Op) -> io::Result<()> {
        self.tape.step(op)
    }
}

fn gone(removed: rustix::io::Result<()>) -> io::Result<()> {
    match removed {
        Err(Errno::NOENT) => Ok(()),
        removed => Ok(removed?),
    }
}

/// A directory that is taken.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is being started has the same file until it runs its program. What
        // cannot be unlocked is closed all the same.
        let _ = self.0.unlock();
    }
}
