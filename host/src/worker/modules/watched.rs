//! Whether a file is what it was: judged by its content, which is read only where it may have changed.
//!
//! Size and time do not tell: `cp -p`, `rsync -t`, reproducible builds and image layers give new content the
//! size and time of the old. Device, inode and the time of the last change of the inode, which nobody can
//! set, tell that a file *may* be another: a link that was switched leads to another inode, a file that was
//! written or moved into place has another time of change. Then, and for any file every now and then, its
//! content is read and hashed. A look at a file that did not change costs one `stat`.
//!
//! Files are looked at every ten seconds. A look that nothing asked for rereads up to 64 MiB besides,
//! which is about 20 ms of one core.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::limits::{MAX_COMPONENT_BYTES, REREAD_BYTES, STAMP_SETTLES};

/// What is known of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether it was old enough at `now` that no later change has the same.
    fn has_settled(&self, now: SystemTime) -> bool {
        let seconds = u64::try_from(self.changed.0).unwrap_or_default();
        let changed = UNIX_EPOCH + Duration::from_secs(seconds);
        now.duration_since(changed)
            .is_ok_and(|age| age > STAMP_SETTLES)
    }
}

/// A file as it was last read.
#[derive(Debug)]
struct Known {
    stamp: Stamp,
    /// Whether the stamp is enough to know it by.
    is_settled: bool,
    read: Instant,
    content: blake3::Hash,
    /// Whether it was asked for since the last [`Watched::begin`].
    is_wanted: bool,
}

/// The files that were looked at.
#[derive(Debug, Default)]
pub(in crate::worker) struct Watched {
    files: HashMap<PathBuf, Known>,
}

impl Watched {
    /// A new look begins. `rereads`: nothing said that something changed, so that there is time to read some
    /// again that seem not to have changed.
    pub(in crate::worker) fn begin(&mut self, rereads: bool) {
        self.files.retain(|_, known| known.is_wanted);
        for known in self.files.values_mut() {
            known.is_wanted = false;
        }
        if !rereads {
            return;
        }
        let mut all: Vec<_> = self.files.values_mut().collect();
        all.sort_by_key(|known| known.read);
        let mut left = REREAD_BYTES;
        for (at, known) in all.into_iter().enumerate() {
            let rest = left.checked_sub(known.stamp.size);
            // The first, whatever its size: else it would never be read.
            if rest.is_none() && at > 0 {
                return;
            }
            known.is_settled = false;
            left = rest.unwrap_or_default();
        }
    }

    /// The hash of the content of the file at `path`, wherever links lead; `None`: there is no file.
    ///
    /// # Errors
    /// When it cannot be told, which is not the same.
    pub(in crate::worker) fn content(&mut self, path: &Path) -> io::Result<Option<blake3::Hash>> {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Ok(None),
            // So is a link that leads nowhere.
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => {
                // What was known of it is still so, as far as anybody knows.
                self.wanted(path);
                return Err(error);
            }
        };
        let stamp = Stamp::of(&metadata);
        if let Some(known) = self.wanted(path)
            && known.is_settled
            && known.stamp == stamp
        {
            return Ok(Some(known.content));
        }
        let now = SystemTime::now();
        let content = hash(path, stamp.size)?;
        let known = Known {
            stamp,
            is_settled: stamp.has_settled(now),
            read: Instant::now(),
            content,
            is_wanted: true,
        };
        self.files.insert(path.to_owned(), known);
        Ok(Some(content))
    }

    fn wanted(&mut self, path: &Path) -> Option<&Known> {
        let known = self.files.get_mut(path)?;
        known.is_wanted = true;
        Some(known)
    }
}

/// What is too large to be loaded is not read either.
fn hash(path: &Path, size: u64) -> io::Result<blake3::Hash> {
    if size > MAX_COMPONENT_BYTES {
        return Ok(blake3::hash(&size.to_le_bytes()));
    }
    let file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file.take(MAX_COMPONENT_BYTES))?;
    Ok(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    /// Gives `path` the size and the times of before, as `cp -p` does, and checks that it is told apart.
    fn keeps_its_time(path: &Path, before: &Metadata) {
        let times = fs::FileTimes::new().set_modified(before.modified().unwrap());
        let file = fs::OpenOptions::new().write(true).open(path).unwrap();
        file.set_times(times).unwrap();
        let after = fs::metadata(path).unwrap();
        assert_eq!(after.modified().unwrap(), before.modified().unwrap());
        assert_eq!(after.len(), before.len());
    }

    #[test]
    fn content_is_what_counts_however_it_came() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut watched = Watched::default();
        assert_eq!(watched.content(&path).unwrap(), None);
        fs::write(&path, "one").unwrap();
        let before = fs::metadata(&path).unwrap();
        let mut look = || {
            watched.begin(false);
            watched.content(&path).unwrap().unwrap()
        };
        assert_eq!(look(), blake3::hash(b"one"));
        // In place.
        fs::write(&path, "two").unwrap();
        keeps_its_time(&path, &before);
        assert_eq!(look(), blake3::hash(b"two"));
        // Moved into place.
        let aside = dir.path().join("b");
        fs::write(&aside, "six").unwrap();
        keeps_its_time(&aside, &before);
        fs::rename(&aside, &path).unwrap();
        assert_eq!(look(), blake3::hash(b"six"));
        // A link that is switched.
        for name in ["one", "two"] {
            fs::write(dir.path().join(name), name).unwrap();
            keeps_its_time(&dir.path().join(name), &before);
            let link = dir.path().join("link");
            symlink(name, &link).unwrap();
            fs::rename(&link, &path).unwrap();
            assert_eq!(look(), blake3::hash(name.as_bytes()));
        }
        // A link that leads to itself.
        fs::remove_file(&path).unwrap();
        symlink("a", &path).unwrap();
        watched.content(&path).unwrap_err();
    }

    #[test]
    fn what_seems_unchanged_is_read_again_in_its_turn_and_not_before() {
        let dir = tempfile::tempdir().unwrap();
        let mut watched = Watched::default();
        let paths = ["a", "b"].map(|name| dir.path().join(name));
        for path in &paths {
            fs::write(path, "content").unwrap();
            watched.content(path).unwrap();
        }
        let settle = |watched: &mut Watched| {
            for known in watched.files.values_mut() {
                known.is_settled = true;
                known.content = blake3::hash(b"as if it had been that");
            }
        };
        let read = |watched: &mut Watched, rereads| {
            watched.begin(rereads);
            let is = blake3::hash(b"content");
            let mut read = 0;
            for path in &paths {
                read += usize::from(watched.content(path).unwrap() == Some(is));
            }
            read
        };
        settle(&mut watched);
        assert_eq!(read(&mut watched, false), 0, "the stamps are the same");
        assert_eq!(read(&mut watched, true), 2);
        settle(&mut watched);
        for known in watched.files.values_mut() {
            known.stamp.size = REREAD_BYTES;
        }
        watched.begin(true);
        let due = watched.files.values().filter(|known| !known.is_settled);
        assert_eq!(due.count(), 1, "as many as there is time for");
        watched.begin(false);
        watched.begin(false);
        assert!(watched.files.is_empty(), "nobody asks for them any more");
    }
}
