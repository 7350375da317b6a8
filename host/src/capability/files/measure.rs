//! How much is in a directory before anything is added to it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Entries that are looked at before giving up: a start must not take minutes.
const MAX_ENTRIES: u64 = 200_000;

/// The bytes of all files under `root`, and `per_entry` for every name. Links are not followed, and
/// a file with several names counts once.
pub(super) fn measure(root: &Path, per_entry: u64) -> io::Result<u64> {
    let mut sum = Sum {
        bytes: 0,
        entries: 0,
        seen: HashSet::new(),
        per_entry,
    };
    let mut rest = vec![root.to_owned()];
    while let Some(directory) = rest.pop() {
        for entry in gone_is_empty(fs::read_dir(&directory))?
            .into_iter()
            .flatten()
        {
            let Some(path) = sum.add(&entry?)? else {
                continue;
            };
            rest.push(path);
        }
    }
    Ok(sum.bytes)
}

struct Sum {
    bytes: u64,
    entries: u64,
    seen: HashSet<(u64, u64)>,
    per_entry: u64,
}

impl Sum {
    /// Counts one entry; a directory is to be looked into.
    fn add(&mut self, entry: &fs::DirEntry) -> io::Result<Option<PathBuf>> {
        self.entries = self.entries.saturating_add(1);
        if self.entries > MAX_ENTRIES {
            let why =
                format!("it has more than {MAX_ENTRIES} entries, too many to count for a quota");
            return Err(io::Error::other(why));
        }
        let Some(meta) = gone_is_empty(entry.metadata())? else {
            return Ok(None);
        };
        self.bytes = self.bytes.saturating_add(self.per_entry);
        if meta.is_file() && (meta.nlink() == 1 || self.seen.insert((meta.dev(), meta.ino()))) {
            self.bytes = self.bytes.saturating_add(meta.len());
        }
        Ok(meta.is_dir().then(|| entry.path()))
    }
}

/// Others may remove what is being counted.
fn gone_is_empty<R>(result: io::Result<R>) -> io::Result<Option<R>> {
    match result {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bytes_count_links_are_not_followed_and_twins_count_once() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::write(at("a"), [0; 10]).unwrap();
        fs::hard_link(at("a"), at("twin")).unwrap();
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("sub").join("b"), [0; 5]).unwrap();
        std::os::unix::fs::symlink("/", at("everything")).unwrap();
        assert_eq!(measure(root.path(), 100).unwrap(), 5 * 100 + 15);
    }
}
