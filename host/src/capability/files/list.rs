//! Directory entries, a few at a time: a listing must neither hold a thread while the guest thinks,
//! nor all the names of a huge directory. One entry that cannot be told spoils no other.

use std::fmt;
use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};

use super::grant::{Grant, holds};
use crate::capability::{LineSink, Stdio};

/// One entry of a directory.
pub(super) struct Name {
    pub(super) name: String,
    pub(super) kind: FileType,
}

/// Says once for each granted directory that names in it are left out of listings.
pub(super) struct LeftOut {
    guest: String,
    log: Arc<dyn LineSink>,
    is_said: AtomicBool,
}

impl LeftOut {
    pub(super) fn new(guest: &str, log: &Arc<dyn LineSink>) -> Self {
        Self {
            guest: guest.to_owned(),
            log: Arc::clone(log),
            is_said: AtomicBool::new(false),
        }
    }

    fn say(&self) {
        if !self.is_said.swap(true, Ordering::Relaxed) {
            let line = format!(
                "a file name below `{}` is not UTF-8, which WASI cannot tell: it is left out of \
                 listings, the others are listed",
                self.guest
            );
            self.log.line(Stdio::Err, &line);
        }
    }
}

impl fmt::Debug for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeftOut")
            .field("is_said", &self.is_said)
            .finish_non_exhaustive()
    }
}

/// A directory that is being listed.
pub(super) struct List {
    directory: Arc<File>,
    grant: Arc<Grant>,
    reading: Mutex<Reading>,
}

#[derive(Default)]
struct Reading {
    entries: Option<Dir>,
    /// Why there are no more, to be told after the names that were there before.
    failed: Option<io::Error>,
}

impl List {
    pub(super) fn new(directory: Arc<File>, grant: Arc<Grant>) -> Self {
        Self {
            directory,
            grant,
            reading: Mutex::default(),
        }
    }

    /// The next entries, `max` at most; none at the end. Blocks.
    pub(super) fn next(&self, max: usize) -> io::Result<Vec<Name>> {
        holds(&self.grant.lease)?;
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let Reading { entries, failed } = &mut *reading;
        if let Some(error) = failed.take() {
            return Err(error);
        }
        let entries = match entries {
            Some(entries) => entries,
            none => none.insert(open(&self.directory)?),
        };
        let mut names = Vec::new();
        while names.len() < max {
            let entry = match entries.read() {
                Some(Ok(entry)) => entry,
                Some(Err(error)) if names.is_empty() => return Err(error.into()),
                Some(Err(error)) => {
                    *failed = Some(error.into());
                    break;
                }
                None => break,
            };
            let Ok(name) = entry.file_name().to_str() else {
                self.grant.left_out.say();
                continue;
            };
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not say.
                FileType::Unknown => {
                    let flags = AtFlags::SYMLINK_NOFOLLOW;
                    let stat = statat(&self.directory, entry.file_name(), flags);
                    stat.map_or(FileType::Unknown, |stat| {
                        FileType::from_raw_mode(stat.st_mode)
                    })
                }
                known => known,
            };
            names.push(Name {
                name: name.to_owned(),
                kind,
            });
        }
        Ok(names)
    }
}

/// The directory once more, with a place of its own: the descriptor that a guest has may be good for
/// resolving paths only.
fn open(directory: &File) -> io::Result<Dir> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(Dir::new(openat(directory, ".", flags, Mode::empty())?)?)
}
