//! How much is in a directory before anything is added to it. Counting is done once, off the guests'
//! threads, and ends when nobody waits for it any more.
//!
//! It runs on the threads for work that blocks, of which one instance has only a few at a time.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::threads::on_thread;
use crate::limits::MAX_MEASURED_NAMES;

/// What is in a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Of all files, and what their names cost.
    pub(super) bytes: u64,
    /// Names of files, directories and links.
    pub(super) names: u64,
}

impl Size {
    /// Of what has more names than are counted: nothing may be added to it.
    pub(super) const FULL: Self = Self {
        bytes: u64::MAX,
        names: u64::MAX,
    };
}

/// The size of everything under `root`, at `per_name` bytes for every name. Links are not followed, and a
/// file with several names counts once. [`Size::FULL`]: there is more than is counted.
///
/// # Errors
/// When it cannot be read.
pub(super) async fn measured(root: PathBuf, per_name: u64) -> io::Result<Size> {
    let wanted = Wanted::default();
    let is_wanted = Arc::clone(&wanted.0);
    let go_on = move || !is_wanted.load(Ordering::Relaxed);
    let measuring = move || measure(&root, per_name, MAX_MEASURED_NAMES, go_on);
    on_thread(measuring).await
}

/// Set when nobody wants to know any more.
#[derive(Default)]
struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn measure(root: &Path, per_name: u64, most: u64, go_on: impl Fn() -> bool) -> io::Result<Size> {
    let mut sum = Sum {
        size: Size::default(),
        seen: HashSet::new(),
        per_name,
    };
    let mut rest = vec![root.to_owned()];
    while let Some(directory) = rest.pop() {
        let entries = gone_is_empty(fs::read_dir(&directory))?;
        for entry in entries.into_iter().flatten() {
            if !go_on() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if sum.size.names >= most {
                return Ok(Size::FULL);
            }
            rest.extend(sum.add(&entry?)?);
        }
    }
    Ok(sum.size)
}

struct Sum {
    size: Size,
    seen: HashSet<(u64, u64)>,
    per_name: u64,
}

impl Sum {
    /// Counts one entry; a directory is to be looked into.
    fn add(&mut self, entry: &fs::DirEntry) -> io::Result<Option<PathBuf>> {
        let Some(meta) = gone_is_empty(entry.metadata())? else {
            return Ok(None);
        };
        let size = &mut self.size;
        size.names = size.names.saturating_add(1);
        size.bytes = size.bytes.saturating_add(self.per_name);
        if meta.is_file() && (meta.nlink() == 1 || self.seen.insert((meta.dev(), meta.ino()))) {
            size.bytes = size.bytes.saturating_add(meta.len());
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
        let size = Size {
            bytes: 5 * 100 + 15,
            names: 5,
        };
        assert_eq!(measure(root.path(), 100, 5, || true).unwrap(), size);
        let more = measure(root.path(), 100, 4, || true);
        assert_eq!(more.unwrap(), Size::FULL, "more than is counted");
        let given_up = measure(root.path(), 100, 5, || false).unwrap_err();
        assert_eq!(given_up.kind(), io::ErrorKind::Interrupted);
    }
}
