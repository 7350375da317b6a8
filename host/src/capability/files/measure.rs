//! How much is in a directory before anything is added to it. Counting is done once, off the guests'
//! threads, and ends when nobody waits for it any more.
//!
//! It runs on the threads for work that blocks, of which one instance has only a few at a time.

use std::collections::HashSet;
use std::ffi::OsString;
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
/// file with several names counts once. [`Size::FULL`]: there is more than is counted, or it is deeper than a path
/// can say.
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
    // What is yet to be looked into, by its own name: a guest may have made very long paths to very many.
    let mut rest: Vec<(Arc<Path>, OsString)> = Vec::new();
    let mut directory: Arc<Path> = root.into();
    loop {
        let entries = match fs::read_dir(&directory) {
            // Deeper than a path can say.
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => return Ok(Size::FULL),
            entries => gone_is_empty(entries)?,
        };
        for entry in entries.into_iter().flatten() {
            if !go_on() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if sum.size.names >= most {
                return Ok(Size::FULL);
            }
            let entry = entry?;
            if sum.add(&entry)? {
                rest.push((Arc::clone(&directory), entry.file_name()));
            }
        }
        let Some((parent, name)) = rest.pop() else {
            return Ok(sum.size);
        };
        directory = parent.join(name).into();
    }
}

struct Sum {
    size: Size,
    seen: HashSet<(u64, u64)>,
    per_name: u64,
}

impl Sum {
    /// Counts one entry. Whether it is to be looked into: it is a directory.
    fn add(&mut self, entry: &fs::DirEntry) -> io::Result<bool> {
        let Some(meta) = gone_is_empty(entry.metadata())? else {
            return Ok(false);
        };
        let size = &mut self.size;
        size.names = size.names.saturating_add(1);
        size.bytes = size.bytes.saturating_add(self.per_name);
        if meta.is_file() && (meta.nlink() == 1 || self.seen.insert((meta.dev(), meta.ino()))) {
            size.bytes = size.bytes.saturating_add(meta.len());
        }
        Ok(meta.is_dir())
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
    use cap_std::ambient_authority;

    use super::*;

    #[test]
    fn what_is_deeper_than_a_path_can_say_is_full() {
        let root = tempfile::tempdir().unwrap();
        let name = "n".repeat(255);
        let mut at = cap_std::fs::Dir::open_ambient_dir(root.path(), ambient_authority()).unwrap();
        for _ in 0..20 {
            at.create_dir(&name).unwrap();
            at = at.open_dir(&name).unwrap();
        }
        let size = measure(root.path(), 100, u64::MAX, || true).unwrap();
        assert_eq!(size, Size::FULL);
        drop(at);
        crate::capability::data::remove_tree(root.path()).unwrap();
    }

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
