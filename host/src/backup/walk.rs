//! Goes through a folder and puts what is in it into a copy: folders and plain files, in the order of their names.
//!
//! What is in the folder of a Worker may be made by a guest, or by one that has the process. So everything is opened by
//! its name in a folder that is open, never through a link and never waiting, and counted; what is no file is left out,
//! and what cannot be copied is said and keeps nothing else from being copied.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use blake3::Hasher;
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use rustix::path::Arg;

use super::BackupError;
use super::create::Archive;
use crate::limits::{
    BACKUP_PART_BYTES, MAX_BACKUP_DEPTH, MAX_BACKUP_HOLES, MAX_BACKUP_NAMES, MAX_BACKUP_PATH_BYTES,
    MAX_DISK_ENTRIES, MAX_LEFT_OUT, MAX_SHOWN_CHARS,
};
use crate::text;

/// `NONBLOCK`: opening a pipe that somebody put there must not wait for its other end.
const FLAGS: OFlags = OFlags::CLOEXEC
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK);
/// What a kernel counts blocks in, whatever the file system has.
const BLOCK_BYTES: u64 = 512;

/// What becomes of something that is directly in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Top {
    /// It is copied, with all that is in it.
    Copied,
    /// It is not wanted in a copy.
    Skipped,
    /// What is copied in its place is in another file beside it, which is there in any case.
    From(&'static str),
}

/// What is left of what the folder of one Worker may take.
pub(super) struct Walk<'a, W> {
    archive: &'a mut Archive<W>,
    entries: usize,
    holes: u64,
    left_out: usize,
}

/// Opens a folder that was named by who runs the host: links may lead to it.
pub(super) fn open(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::CLOEXEC | OFlags::RDONLY | OFlags::DIRECTORY;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// Opens a plain file by its name in a folder that is open.
pub(super) fn open_file(folder: BorrowedFd<'_>, name: impl Arg, flags: OFlags) -> io::Result<File> {
    let file = File::from(rustix::fs::openat(
        folder,
        name,
        FLAGS | flags,
        Mode::empty(),
    )?);
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is not a plain file")),
    }
}

/// The names in a folder, in order; none if there are too many.
pub(super) fn names(folder: BorrowedFd<'_>) -> io::Result<Option<Vec<CString>>> {
    let mut names = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if [c".", c".."].contains(&name) {
            continue;
        }
        if names.len() >= MAX_BACKUP_NAMES {
            return Ok(None);
        }
        names.push(name.to_owned());
    }
    names.sort_unstable();
    Ok(Some(names))
}

impl<'a, W: io::Write> Walk<'a, W> {
    pub(super) fn new(archive: &'a mut Archive<W>) -> Self {
        Self {
            archive,
            entries: MAX_DISK_ENTRIES,
            holes: MAX_BACKUP_HOLES,
            left_out: 0,
        }
    }

    /// Copies what is in `folder`, which is `path` in the archive, as far as `top` says of each name so.
    pub(super) fn folder(
        &mut self,
        folder: BorrowedFd<'_>,
        path: &str,
        top: &dyn Fn(&str) -> Top,
    ) -> Result<(), BackupError> {
        self.archive.folder(path)?;
        let listed = match names(folder) {
            Ok(Some(names)) => names,
            Ok(None) => return self.leave_out(path, "there is too much in it"),
            Err(error) => return self.leave_out(path, &format!("it cannot be read: {error}")),
        };
        for name in listed {
            let Some(text) = text_of(&name) else {
                let spelled = text::spelled(&name.to_string_lossy(), MAX_SHOWN_CHARS);
                self.leave_out(&format!("{path}/{spelled}"), "its name is no text")?;
                continue;
            };
            let at = format!("{path}/{text}");
            match top(text) {
                Top::Skipped => {}
                Top::Copied => self.entry(folder, name.as_c_str(), &at)?,
                Top::From(other) => self.entry(folder, other, &at)?,
            }
        }
        Ok(())
    }

    fn entry(
        &mut self,
        folder: BorrowedFd<'_>,
        name: impl Arg + Copy,
        at: &str,
    ) -> Result<(), BackupError> {
        if at.len() > MAX_BACKUP_PATH_BYTES || at.split('/').count() >= MAX_BACKUP_DEPTH {
            return self.leave_out(at, "it is too deep");
        }
        let Some(entries) = self.entries.checked_sub(1) else {
            return self.leave_out(at, "there are too many files");
        };
        self.entries = entries;
        match self.known(folder, name, at) {
            Ok(()) => Ok(()),
            Err(Failed::Archive(error)) => Err(error),
            // It went meanwhile.
            Err(Failed::Source(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(Failed::Source(error)) => {
                self.leave_out(at, &format!("it cannot be read: {error}"))
            }
        }
    }

    fn known(
        &mut self,
        folder: BorrowedFd<'_>,
        name: impl Arg + Copy,
        at: &str,
    ) -> Result<(), Failed> {
        let found = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let why = match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {
                let file = open_file(folder, name, OFlags::RDONLY)?;
                return self.file(file, at);
            }
            FileType::Directory => {
                let flags = FLAGS | OFlags::RDONLY | OFlags::DIRECTORY;
                let inner = rustix::fs::openat(folder, name, flags, Mode::empty())?;
                return Ok(self.folder(inner.as_fd(), at, &|_| Top::Copied)?);
            }
            FileType::Symlink => "it is a link",
            FileType::Socket => "it is a socket",
            FileType::Fifo => "it is a pipe",
            _ => "it is a device",
        };
        Ok(self.leave_out(at, why)?)
    }

    /// As many bytes as it has now; what is too little of it when it is read is zeros.
    fn file(&mut self, mut file: File, at: &str) -> Result<(), Failed> {
        let found = rustix::fs::fstat(&file)?;
        let size = u64::try_from(found.st_size).unwrap_or(0);
        let taken = u64::try_from(found.st_blocks)
            .unwrap_or(0)
            .saturating_mul(BLOCK_BYTES);
        // What is on no disk takes no room there, but in a copy it does.
        let Some(holes) = self.holes.checked_sub(size.saturating_sub(taken)) else {
            return Ok(self.leave_out(at, "there is almost nothing in it, and it is too long")?);
        };
        self.holes = holes;
        let is_whole = self.archive.file(at, size, &mut file)?;
        match is_whole {
            true => Ok(()),
            false => Ok(self.leave_out(
                at,
                "it became shorter while it was copied: the rest is zeros",
            )?),
        }
    }

    fn leave_out(&mut self, path: &str, why: &str) -> Result<(), BackupError> {
        self.left_out = self.left_out.saturating_add(1);
        match self.left_out {
            ..MAX_LEFT_OUT => self.archive.leave_out(path, why, false),
            MAX_LEFT_OUT => self
                .archive
                .leave_out(path, "and more, which is not said", false),
            _ => Ok(()),
        }
    }
}

/// What a name says, if it is one that a copy can have.
fn text_of(name: &CStr) -> Option<&str> {
    name.to_str().ok()
}

/// Whose fault it is that something is not copied.
enum Failed {
    /// Of what is copied: the rest goes on.
    Source(io::Error),
    /// Of the copy.
    Archive(BackupError),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::Source(error)
    }
}

impl From<Errno> for Failed {
    fn from(error: Errno) -> Self {
        Self::Source(error.into())
    }
}

impl From<BackupError> for Failed {
    fn from(error: BackupError) -> Self {
        Self::Archive(error)
    }
}

/// Reads `size` bytes for `each`, with zeros where there are too few; whether there were as many.
pub(super) fn exactly(
    from: &mut impl Read,
    size: u64,
    mut each: impl FnMut(&[u8]) -> Result<(), BackupError>,
) -> Result<(bool, blake3::Hash), BackupError> {
    let mut part = vec![0; BACKUP_PART_BYTES];
    let (mut hasher, mut left, mut is_whole) = (Hasher::new(), size, true);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        let wanted = part.len().min(most);
        let room = part.get_mut(..wanted).unwrap_or_default();
        let read = match is_whole {
            true => from.read(room),
            false => Ok(0),
        };
        let read = match read {
            Ok(0) => {
                is_whole = false;
                room.fill(0);
                wanted
            }
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // Its begin is in the archive already.
            Err(_) => {
                is_whole = false;
                continue;
            }
        };
        let read = room.get(..read).unwrap_or_default();
        hasher.update(read);
        each(read)?;
        left = left.saturating_sub(read.len() as u64);
    }
    Ok((is_whole, hasher.finalize()))
}
