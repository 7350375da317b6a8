//! Directory entries, a few at a time: a listing must neither hold a thread while the guest thinks,
//! nor all the names of a huge directory.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use rustix::io::Errno;

/// What one name in a listing costs the host, beside its bytes.
const NAME_BYTES: u64 = 96;

/// One entry of a directory.
pub(super) struct Name {
    pub(super) name: String,
    pub(super) kind: FileType,
}

/// A directory that is being listed.
pub(super) struct List {
    directory: Arc<File>,
    entries: Mutex<Option<Dir>>,
}

impl List {
    pub(super) fn new(directory: Arc<File>) -> Self {
        Self {
            directory,
            entries: Mutex::new(None),
        }
    }

    /// The next entries, `max` at most; none at the end. Blocks.
    pub(super) fn next(&self, max: usize) -> io::Result<Vec<Name>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = match &mut *entries {
            Some(entries) => entries,
            none => none.insert(open(&self.directory)?),
        };
        let mut names = Vec::new();
        while names.len() < max {
            let Some(entry) = entries.read() else { break };
            let entry = entry?;
            let name = entry.file_name().to_str().map_err(|_| Errno::ILSEQ)?;
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not say.
                FileType::Unknown => {
                    match statat(
                        &self.directory,
                        entry.file_name(),
                        AtFlags::SYMLINK_NOFOLLOW,
                    ) {
                        Ok(stat) => FileType::from_raw_mode(stat.st_mode),
                        Err(Errno::NOENT) => continue,
                        Err(error) => return Err(error.into()),
                    }
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

/// What a listing of all of `directory` at once would cost. Blocks.
pub(super) fn cost(directory: &File) -> io::Result<u64> {
    let mut cost = 0_u64;
    for entry in open(directory)? {
        let length = u64::try_from(entry?.file_name().count_bytes()).unwrap_or(u64::MAX);
        cost = cost.saturating_add(NAME_BYTES).saturating_add(length);
    }
    Ok(cost)
}
