//! The folders of external workers, one for each: by its uuid in one directory, to which only the host
//! writes.
//!
//! A folder comes when an instance that may have one first starts, and is there again after whatever happens
//! to the instance and to the host. It goes with the external worker: it is set aside before its uuid is free,
//! so that nobody who has that next sees it, and removed when its instance has ended. What a process that died
//! left of that, the next one finishes.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::Worker;
use super::error::{Result, WorkerError};
use super::external_worker::ExternalWorker;
use crate::capability::data::remove_tree;
use crate::instance::Folder;
use crate::limits::{ENTRY_BYTES, MAX_FILES};
use crate::policy::DataGrant;

/// How the names begin of what waits to be removed.
const GONE: &str = "gone-";
/// How the names begin of directories in which folders wait for their place.
const ARRIVING: &str = "arriving-";

/// The folders of a Worker's external workers.
#[derive(Debug, Clone)]
pub(super) struct Folders(Arc<Path>);

impl Folders {
    /// Those in the directory `root`.
    pub(super) fn new(root: PathBuf) -> Self {
        Self(root.into())
    }

    /// That of the external worker `uuid`.
    pub(super) fn of(&self, uuid: &str) -> Arc<Folder> {
        match Uuid::try_parse(uuid) {
            Ok(uuid) => Folder::at(self.place(uuid)),
            // Its words are no path.
            Err(_not_a_uuid) => Folder::none(),
        }
    }

    /// Whether the external worker `uuid` has one. Blocks.
    pub(super) fn has(&self, uuid: &str) -> bool {
        Uuid::try_parse(uuid).is_ok_and(|uuid| self.place(uuid).is_dir())
    }

    fn place(&self, uuid: Uuid) -> PathBuf {
        self.0.join(uuid.simple().to_string())
    }

    /// A place from which it is removed.
    fn aside(&self) -> PathBuf {
        self.0.join(format!("{GONE}{}", Uuid::new_v4().simple()))
    }

    /// Nobody opens `folder` any more; where what was in it is now, if there was anything.
    fn set_aside(&self, folder: &Folder) -> Option<PathBuf> {
        let aside = self.aside();
        match folder.set_aside(&aside) {
            Ok(is_there) => is_there.then_some(aside),
            Err(error) => {
                tracing::error!("the folder of an external worker stays until a restart: {error}");
                None
            }
        }
    }

    /// Folders that come from elsewhere.
    ///
    /// # Errors
    /// When there is no place for them.
    pub(super) fn arriving(&self) -> io::Result<Arriving> {
        let path = self
            .0
            .join(format!("{ARRIVING}{}", Uuid::new_v4().simple()));
        private().create(&path)?;
        Ok(Arriving(path))
    }

    /// What a process that died left, and whatever else belongs to none of the external workers `known`, is
    /// set aside: these are the places. `are_all`: there are no others. Where that is uncertain, what might be
    /// one's stays. It is asked before anything starts, so nobody comes for it meanwhile.
    pub(super) fn left_over(&self, known: &BTreeSet<String>, are_all: bool) -> Vec<PathBuf> {
        let entries = match std::fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) => {
                tracing::error!("the folders of external workers cannot be listed: {error}");
                return Vec::new();
            }
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        names
            .filter_map(|name| self.if_left_over(&name, known, are_all))
            .collect()
    }

    fn if_left_over(
        &self,
        name: &OsStr,
        known: &BTreeSet<String>,
        are_all: bool,
    ) -> Option<PathBuf> {
        let path = self.0.join(name);
        let name = name.to_str()?;
        if name.starts_with(GONE) || name.starts_with(ARRIVING) {
            return Some(path);
        }
        let is_of_nobody = Uuid::try_parse(name).is_ok() && !known.contains(name) && are_all;
        if !is_of_nobody {
            return None;
        }
        self.set_aside(&Folder::at(path))
    }
}

/// Removes what was set aside.
pub(super) fn remove(aside: &Path) {
    if let Err(error) = remove_tree(aside) {
        tracing::warn!("a folder that is no external worker's any more stays for now: {error}");
    }
}

/// How much is in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    bytes: u64,
    names: u64,
}

impl Size {
    /// Of files of these sizes, and so many names.
    pub(super) fn of(sizes: impl Iterator<Item = u64>, names: usize) -> Self {
        Self {
            bytes: sizes.fold(0, u64::saturating_add),
            names: u64::try_from(names).unwrap_or(u64::MAX),
        }
    }

    /// Whether `grant` allows as much.
    pub(super) fn fits(self, grant: &DataGrant) -> bool {
        let names = self.names.saturating_mul(ENTRY_BYTES);
        self.bytes.saturating_add(names) <= grant.quota.as_u64()
            && self.names <= grant.max_files.unwrap_or(MAX_FILES)
    }
}

/// A directory with folders that come from elsewhere. What is still there when this is dropped is removed.
#[derive(Debug)]
pub(super) struct Arriving(PathBuf);

impl Arriving {
    /// Where the folder of `uuid` is, if it is among them.
    pub(super) fn of(&self, uuid: &str) -> Option<PathBuf> {
        let path = self.0.join(uuid);
        path.is_dir().then_some(path)
    }

    /// A folder at the plain path `path` in the folder of `uuid`, if there is none yet.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn folder(&self, uuid: &str, path: &str) -> io::Result<()> {
        private().create(self.0.join(uuid).join(path))
    }

    /// A new file at the plain path `path` in the folder of `uuid`.
    ///
    /// # Errors
    /// When it is there already or cannot be made.
    pub(super) fn file(&self, uuid: &str, path: &str) -> io::Result<std::fs::File> {
        let path = self.0.join(uuid).join(path);
        if let Some(folder) = path.parent() {
            private().create(folder)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).open(path)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

fn private() -> DirBuilder {
    let mut private = DirBuilder::new();
    private.recursive(true).mode(0o700);
    private
}

impl Worker {
    /// Takes it out of those that there are, and its folder away. `false`: somebody else did already.
    pub(super) fn take_out(&self, external: &ExternalWorker) -> bool {
        let mut externals = self.externals();
        let has_it = externals.get(external.uuid());
        // Another one may have its uuid by now.
        if !has_it.is_some_and(|it| std::ptr::eq(Arc::as_ptr(it), external)) {
            return false;
        }
        externals.remove(external.uuid());
        // Before anybody else can have the uuid.
        let aside = self.inner.folders.set_aside(external.folder());
        drop(externals);
        if let Some(aside) = aside {
            let instance = external.instance();
            tokio::spawn(async move {
                if let Some(instance) = instance {
                    instance.ended().await;
                }
                let _ = tokio::task::spawn_blocking(move || remove(&aside)).await;
            });
        }
        true
    }

    /// The place of one that is new gets what arrives for it, if anything does. What is there is nobody's.
    ///
    /// # Errors
    /// When it cannot be moved there.
    pub(super) fn furnish(
        &self,
        external: &ExternalWorker,
        arriving: Option<&Arriving>,
    ) -> Result<()> {
        let folders = &self.inner.folders;
        if let Some(aside) = folders.set_aside(&folders.of(external.uuid())) {
            tokio::task::spawn_blocking(move || remove(&aside));
        }
        let Some(path) = arriving.and_then(|arriving| arriving.of(external.uuid())) else {
            return Ok(());
        };
        let filled = external.folder().fill(&path);
        filled.map_err(|source| WorkerError::File {
            action: "move",
            path,
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(n: u128) -> String {
        Uuid::from_u128(n).simple().to_string()
    }

    fn write(root: &Path, name: &str) {
        std::fs::create_dir_all(root.join(name)).unwrap();
        std::fs::write(root.join(name).join("file"), "").unwrap();
    }

    fn names(root: &Path) -> BTreeSet<String> {
        let entries = std::fs::read_dir(root).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn what_is_nobodys_is_left_over_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::new(root.path().to_owned());
        for name in [&uuid(1), &uuid(2), "gone-x", "arriving-x", "an operator's"] {
            write(root.path(), name);
        }
        let known = BTreeSet::from([uuid(1)]);
        // Where a row of the store could not be read, the folder may be that one's.
        for aside in folders.left_over(&known, false) {
            remove(&aside);
        }
        let left = [uuid(1), uuid(2), "an operator's".to_owned()];
        assert_eq!(names(root.path()), left.into());
        for aside in folders.left_over(&known, true) {
            remove(&aside);
        }
        assert_eq!(
            names(root.path()),
            [uuid(1), "an operator's".to_owned()].into()
        );
    }

    #[test]
    fn a_word_that_is_no_uuid_is_no_path() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::new(root.path().join("folders"));
        std::fs::create_dir(root.path().join("other")).unwrap();
        let aside = folders.set_aside(&folders.of("../other"));
        assert_eq!(aside, None);
        assert!(root.path().join("other").exists());
    }

    #[test]
    fn a_grant_counts_bytes_and_names() {
        let grant = DataGrant {
            quota: bytesize::ByteSize::kib(16),
            max_files: Some(3),
        };
        let fits = |bytes, names| Size::of([bytes].into_iter(), names).fits(&grant);
        assert!(fits(4096, 3) && !fits(4097, 3));
        assert!(!fits(0, 4) && !fits(u64::MAX, 1));
    }

    #[test]
    fn what_arrives_and_gets_no_place_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let folders = Folders::new(root.path().to_owned());
        let arriving = folders.arriving().unwrap();
        arriving.file(&uuid(1), "a/b").unwrap();
        arriving.file(&uuid(2), "c").unwrap();
        arriving.file(&uuid(2), "c").unwrap_err();
        folders
            .of(&uuid(1))
            .fill(&arriving.of(&uuid(1)).unwrap())
            .unwrap();
        assert_eq!(arriving.of(&uuid(3)), None);
        drop(arriving);
        assert_eq!(names(root.path()), [uuid(1)].into());
        assert!(root.path().join(uuid(1)).join("a/b").exists());
    }
}
