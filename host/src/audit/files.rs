//! The directory of a log: what is in it, who may read it, and one writer for it.
//!
//! Everything is opened by its name in a directory that is open already, never through a link, and is seen
//! by its owner only.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};

use super::MAX_LINE_BYTES;

/// How far the log has come.
pub(super) const HEAD: &str = "head.json";
/// The key, unless another file is named.
pub(super) const KEY: &str = "key";
/// Held by the one writer.
const LOCK: &str = "lock";
/// After the name of a file that is to replace another.
const NEW: &str = ".new";
const SUFFIX: &str = ".jsonl";

const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);
const OTHERS_WRITE: Mode = Mode::WGRP.union(Mode::WOTH);
/// `NONBLOCK`: opening a pipe that somebody put there must not wait for its other end.
const FLAGS: OFlags = OFlags::CLOEXEC
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK);

/// The name of a file of the log: `000001.jsonl` is the first.
pub(super) fn file_name(number: u32) -> String {
    format!("{number:06}{SUFFIX}")
}

fn file_number(name: &str) -> Option<u32> {
    let number = name.strip_suffix(SUFFIX)?.parse().ok()?;
    // One spelling only: whoever looks for a number finds the same file.
    (number > 0 && file_name(number) == name).then_some(number)
}

/// An open directory.
#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl Dir {
    /// Makes the directory, for its owner only, and opens it. One that is there stays as it is.
    pub(super) fn make(path: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        let dir = Self::open(path)?;
        if rustix::fs::fstat(&dir.fd)?.st_mode & OTHERS_WRITE.bits() != 0 {
            let path = path.display();
            tracing::warn!("others can remove files of the audit log in {path}. Protect it");
        }
        Ok(dir)
    }

    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = FLAGS | OFlags::RDONLY | OFlags::DIRECTORY;
        Ok(Self {
            fd: rustix::fs::open(path, flags, Mode::empty())?,
            path: path.to_owned(),
        })
    }

    /// The directory that a file is in, and its name there.
    pub(super) fn of(file: &Path) -> io::Result<(Self, OsString)> {
        let name = file.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
        let parent = match file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        // A link may lead to the directory, since somebody named it; not to the file in it.
        let dir = Self::open(&fs::canonicalize(parent)?)?;
        Ok((dir, name.to_owned()))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a file for reading.
    pub(super) fn read(&self, name: &OsStr) -> io::Result<File> {
        self.open_file(name, OFlags::RDONLY)
    }

    /// Whether something has the name.
    pub(super) fn has(&self, name: &str) -> io::Result<bool> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file for writing, made if there is none.
    pub(super) fn write(&self, name: &OsStr) -> io::Result<File> {
        let file = self.open_file(name, OFlags::RDWR | OFlags::CREATE)?;
        // One that was there may be open to others.
        rustix::fs::fchmod(&file, OWNER_ONLY)?;
        Ok(file)
    }

    fn open_file(&self, name: &OsStr, flags: OFlags) -> io::Result<File> {
        let file = File::from(rustix::fs::openat(
            &self.fd,
            name,
            FLAGS | flags,
            OWNER_ONLY,
        )?);
        if file.metadata()?.is_file() {
            return Ok(file);
        }
        Err(io::Error::other("it is not a plain file"))
    }

    /// Reads a file whole. One that is longer than it may be fails.
    pub(super) fn read_small(&self, name: &OsStr, max_bytes: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = self.read(name)?;
        let read = file.take(max_bytes + 1).read_to_end(&mut bytes)?;
        if u64::try_from(read).is_ok_and(|read| read <= max_bytes) {
            return Ok(bytes);
        }
        Err(io::ErrorKind::FileTooLarge.into())
    }

    /// Puts a file in the place of another, whole or not at all.
    ///
    /// It is on disk before it has the name. That it has the name may be forgotten in a crash, until
    /// [`Dir::sync`].
    pub(super) fn replace(&self, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
        let mut new_name = name.to_owned();
        new_name.push(NEW);
        let mut file = self.write(&new_name)?;
        file.set_len(0)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        rustix::fs::renameat(&self.fd, &new_name, &self.fd, name)?;
        Ok(())
    }

    pub(super) fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())?)
    }

    /// Waits until new names in the directory are on disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::fsync(&self.fd)?)
    }

    /// The numbers of the log's files, in order.
    pub(super) fn numbers(&self) -> io::Result<Vec<u32>> {
        let mut numbers = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd)? {
            let entry = entry?;
            numbers.extend(entry.file_name().to_str().ok().and_then(file_number));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Takes the directory until the lock is dropped, as the kernel does for a killed process. `None`:
    /// another has it.
    pub(super) fn lock(&self) -> io::Result<Option<Lock>> {
        let file = self.write(LOCK.as_ref())?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// A directory that is taken.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is being started has the same file until it runs its
        // program. What cannot be unlocked is closed all the same.
        let _ = self.0.unlock();
    }
}

/// The lines of a file, none held longer than a line may be.
pub(super) struct Lines {
    reader: BufReader<File>,
    buffer: Vec<u8>,
    /// The number of the line that was read last, from 1.
    pub(super) number: u64,
    /// Where the whole lines that were read end, in bytes.
    pub(super) offset: u64,
}

/// What comes next in a file.
pub(super) enum Next<'a> {
    /// A line, without its newline.
    Line(&'a [u8]),
    /// The file ends within a line.
    Unfinished,
    /// A line is longer than any that the log writes.
    TooLong,
    /// The file ends here.
    End,
}

impl Lines {
    pub(super) fn new(file: File) -> Self {
        Self {
            reader: BufReader::new(file),
            buffer: Vec::new(),
            number: 0,
            offset: 0,
        }
    }

    pub(super) fn next(&mut self) -> io::Result<Next<'_>> {
        self.buffer.clear();
        let max = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
        let mut limited = (&mut self.reader).take(max);
        let read = limited.read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(Next::End);
        }
        self.number += 1;
        match self.buffer.split_last() {
            Some((b'\n', line)) => {
                self.offset += u64::try_from(read).unwrap_or(u64::MAX);
                Ok(Next::Line(line))
            }
            _ if read >= MAX_LINE_BYTES => Ok(Next::TooLong),
            _ => Ok(Next::Unfinished),
        }
    }
}
