//! What there is to copy: which Workers a data directory has, and what of an audit log and of secrets belongs to a copy.

use std::ffi::{CStr, CString};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, OFlags};

use super::create::Archive;
use super::walk::{self, names};
use super::{BackupError, failed};
use crate::limits::{BACKUP_PART_BYTES, MAX_AUDIT_HEAD_BYTES};
use crate::worker::store;

/// The database of a control plane, in a data directory.
pub(super) const CONTROL: &str = external_worker_control::DATABASE;
/// How far an audit log has come.
const HEAD: &CStr = c"head.json";

/// A Worker in a data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The folder in which it is; none: the data directory is its own.
    pub name: Option<String>,
    /// Its directory.
    pub dir: PathBuf,
}

/// The Workers of a data directory, by name: one that has all of it, or one in each folder that has one.
///
/// # Errors
/// When it cannot be read.
pub fn workers(data: &Path) -> Result<Vec<Place>, BackupError> {
    let failed = failed("read", data);
    let root = walk::open(data).map_err(&failed)?;
    if has(root.as_fd(), Path::new(store::FILE)) {
        let (name, dir) = (None, data.to_owned());
        return Ok(vec![Place { name, dir }]);
    }
    let too_many = || failed(io::Error::other("there is too much in it"));
    let listed = names(root.as_fd()).map_err(&failed)?.ok_or_else(too_many)?;
    let places = listed.iter().filter_map(|name| {
        let name = name.to_str().ok()?;
        // Others are of what is being made or removed.
        let is_plain = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        let is_there = [Path::new(store::FILE), Path::new("policy.toml")]
            .iter()
            .any(|file| has(root.as_fd(), &Path::new(name).join(file)));
        (is_plain && is_there).then(|| Place {
            name: Some(name.to_owned()),
            dir: data.join(name),
        })
    });
    Ok(places.collect())
}

/// Whether there is such a file.
fn has(root: BorrowedFd<'_>, file: &Path) -> bool {
    let found = rustix::fs::statat(root, file, AtFlags::SYMLINK_NOFOLLOW);
    found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile)
}

/// The audit log in `dir`, as far as its last line that is whole; its key, too, where that is in there.
pub(super) fn audit(
    archive: &mut Archive<impl Write>,
    dir: &Path,
    path: &str,
) -> Result<(), BackupError> {
    let failed = failed("read", dir);
    let folder = walk::open(dir).map_err(&failed)?;
    // First: the lines that it knows are there when those are listed.
    let head = read(folder.as_fd(), HEAD).map_err(&failed)?;
    let too_many = || failed(io::Error::other("there is too much in it"));
    let listed = names(folder.as_fd())
        .map_err(&failed)?
        .ok_or_else(too_many)?;
    archive.folder(path)?;
    let lines = |name: &CString| name.to_bytes().ends_with(b".jsonl");
    let last = listed.iter().rfind(|name| lines(name));
    for name in &listed {
        let Ok(text) = name.to_str() else {
            continue;
        };
        let at = format!("{path}/{text}");
        if name.as_c_str() == HEAD {
            if let Some(head) = &head {
                archive.bytes(&at, head)?;
            }
            continue;
        }
        if !lines(name) && text != "key" {
            continue;
        }
        let opened = walk::open_file(folder.as_fd(), name, OFlags::RDONLY);
        let mut file = match opened {
            Ok(file) => file,
            // The log removes its oldest file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        let size = file.metadata().map_err(&failed)?.len();
        let whole = match last == Some(name) {
            true => whole_lines(&mut file, size).map_err(&failed)?,
            false => size,
        };
        archive.file(&at, whole, &mut file)?;
    }
    Ok(())
}

/// A small file whole; none if it is not there.
fn read(folder: BorrowedFd<'_>, name: &CStr) -> io::Result<Option<Vec<u8>>> {
    let file = match walk::open_file(folder, name, OFlags::RDONLY) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_AUDIT_HEAD_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// How many of the first `size` bytes are whole lines.
fn whole_lines(file: &mut (impl Read + Seek), size: u64) -> io::Result<u64> {
    let part_bytes = u64::try_from(BACKUP_PART_BYTES).unwrap_or(u64::MAX);
    let begin = size.saturating_sub(part_bytes);
    file.seek(SeekFrom::Start(begin))?;
    let mut part = Vec::new();
    file.take(size.saturating_sub(begin))
        .read_to_end(&mut part)?;
    file.rewind()?;
    let end = part.iter().rposition(|byte| *byte == b'\n');
    let whole = end.map_or(0, |at| at.saturating_add(1));
    Ok(begin.saturating_add(whole as u64))
}

/// The secrets in `dir`, encrypted as they are. Never a key, wherever somebody keeps it.
pub(super) fn secrets(
    archive: &mut Archive<impl Write>,
    dir: &Path,
    path: &str,
) -> Result<(), BackupError> {
    let failed = failed("read", dir);
    let root = walk::open(dir).map_err(&failed)?;
    let too_many = || failed(io::Error::other("there is too much in it"));
    let numbers = names(root.as_fd()).map_err(&failed)?.ok_or_else(too_many)?;
    let is_number = |name: &&CString| {
        let name = name.to_bytes();
        name.len() == 8 && name.iter().all(u8::is_ascii_digit)
    };
    archive.folder(path)?;
    // Only that of the last one counts, and it may come to an end while it is copied.
    let Some(number) = numbers.iter().rfind(is_number) else {
        return Ok(());
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let folder = rustix::fs::openat(&root, number, flags, rustix::fs::Mode::empty());
    let folder = folder.map_err(|error| failed(error.into()))?;
    let path = format!("{path}/{}", number.to_string_lossy());
    archive.folder(&path)?;
    let files = names(folder.as_fd())
        .map_err(&failed)?
        .ok_or_else(too_many)?;
    for name in files {
        let Some(text) = name
            .to_str()
            .ok()
            .filter(|name| *name == "id" || name.ends_with(".age"))
        else {
            continue;
        };
        let opened = walk::open_file(folder.as_fd(), &name, OFlags::RDONLY);
        let mut file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        let size = file.metadata().map_err(&failed)?.len();
        archive.file(&format!("{path}/{text}"), size, &mut file)?;
    }
    Ok(())
}
