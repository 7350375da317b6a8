//! What a Worker must not lose, in one SQLite file: `state.db`, which only its owner can read.
//!
//! Nothing here is written by a command. Whoever changes something marks it [`Dirty`]; one thread
//! asks a [`Source`] how all dirty things are now and commits them in one transaction, so that any
//! number of changes during a commit costs one more. [`Store::saved`] resolves when what was dirty at
//! the call is committed. The file is in WAL mode with `synchronous=NORMAL`: a killed process loses
//! nothing that was committed; a machine that loses its power may lose the last commits, never the
//! file.
//!
//! A source is asked while others go on changing things. So what has to be committed together is marked
//! in one call.

mod database;
mod lock;
mod rows;
mod shared;
mod snapshot;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread;

use serde_json::Value as Json;

pub use lock::Lock;
use shared::Shared;
pub(crate) use snapshot::States;

/// The file in the data directory.
pub const FILE: &str = "state.db";
/// What was committed and is not in the file yet.
const LOG: &str = "state.db-wal";
/// There only while the file is made.
const JOURNAL: &str = "state.db-journal";
/// Where the file is copied to for whoever keeps a copy of it. It is empty but while that is done.
pub const SNAPSHOT: &str = "snapshot.db";
/// The files of a store that is closed, or was when its process ended, each with what is in no other.
pub const AT_REST: [&str; 3] = [FILE, LOG, JOURNAL];
/// What no copy of a Worker has: who has the directory, and what was copied of it.
pub const NOT_KEPT: [&str; 2] = [lock::FILE, SNAPSHOT];

/// A thing whose saved form is out of date.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dirty {
    /// An instance, by its uuid.
    Instance(String),
    /// What the guest of an instance saved of itself, by the instance's uuid.
    StoreData(String),
    /// A node, by its id.
    Node(String),
    /// One of the documents that are saved whole.
    Document(Document),
    /// A package, by its name.
    Package(String),
    /// A fact about the Worker itself, by its name.
    Meta(String),
}

/// Documents that are saved whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Document {
    /// The edges between nodes.
    Edges,
    /// The groups of nodes.
    Groups,
    /// Properties of the graph.
    Properties,
}

/// An instance, as it is saved: its secrets included.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedInstance {
    /// Its uuid.
    pub uuid: String,
    /// The id of its class.
    pub class_id: String,
    /// The module that has the class.
    pub module: String,
    /// The name that somebody gave it.
    pub name: Option<String>,
    /// Its configuration, whole.
    pub config: Json,
    /// Whether somebody paused it.
    pub paused: bool,
}

/// A package that is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of its content.
    pub digest: String,
    /// Where it came from.
    pub source: String,
}

/// Everything that a store held when it was opened.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Whether the store was made by this opening.
    pub created: bool,
    /// Facts about the Worker itself.
    pub meta: BTreeMap<String, Json>,
    /// The nodes, oldest first.
    pub nodes: Vec<Json>,
    /// The edges between them.
    pub edges: Option<Json>,
    /// Their groups.
    pub groups: Option<Json>,
    /// Properties of the graph.
    pub properties: Option<Json>,
    /// The instances, oldest first.
    pub instances: Vec<SavedInstance>,
    /// What the guests of instances saved of themselves, by uuid.
    pub instance_states: BTreeMap<String, Vec<u8>>,
    /// The packages.
    pub packages: Vec<SavedPackage>,
    /// Rows that cannot be read, each as a sentence. They stay in the file.
    pub problems: Vec<String>,
}

/// Who knows how things are now. `None` means that the thing is gone.
///
/// It is asked after a thing was marked, from the writer's thread, with no lock of the store held.
pub trait Source: Send + Sync + 'static {
    /// A node.
    fn node(&self, id: &str) -> Option<Json>;
    /// A document.
    fn document(&self, document: Document) -> Option<Json>;
    /// An instance.
    fn instance(&self, uuid: &str) -> Option<SavedInstance>;
    /// What the guest of an instance saved of itself.
    fn instance_state(&self, uuid: &str) -> Option<Vec<u8>>;
    /// A package.
    fn package(&self, name: &str) -> Option<SavedPackage>;
    /// A fact about the Worker itself.
    fn meta(&self, key: &str) -> Option<Json>;
    /// Commits have begun to fail. They are tried again until one passes.
    fn failed(&self, error: &StoreError);
    /// Commits pass again.
    fn recovered(&self);
}

/// Why something is not saved or not read. For the operator; [`StoreError::public`] for others.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process has the directory.
    #[error("{dir} is in use by another host ({owner}). Stop it, or use another data directory", dir = dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// Who has it: "process 17".
        owner: String,
    },
    /// A file or directory cannot be used.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// The file was written by a newer host.
    #[error("{path} has format {found}, and this host reads formats up to {known}. Use a newer host", path = path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that is known.
        known: i64,
    },
    /// The file is a database of something else.
    #[error("{path} is a database of another program. Move it away, or use another data directory", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is not what was written.
    #[error("{path} is corrupt: {problem}. Replace it with an intact copy or, to start \
        empty, move it and {FILE}-wal away", path = path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// How that showed.
        problem: String,
    },
    /// The database refused.
    #[error("cannot {action} {path}: {problem}", path = path.display())]
    Database {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// The store was closed, or whoever knew what is dirty has gone.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// The sentence that a remote client may see: no paths, no host detail.
    pub fn public(&self) -> &'static str {
        match self {
            Self::Closed => "the Worker is stopping",
            Self::InUse { .. } => "the Worker's data is in use by another host",
            Self::Database { .. } | Self::File { .. } => {
                "the Worker could not save; the host's log says why"
            }
            Self::Corrupt { .. } => "the Worker's data is corrupt; the host's log says how",
            Self::Newer { .. } | Self::Foreign { .. } => {
                "the Worker's data cannot be read by this host"
            }
        }
    }
}

/// Makes the files of a store in `dir`, for a process that may make none there but write these.
///
/// What is in the store is not read, unless its making was broken off: the files are as who wrote
/// them left them.
///
/// # Errors
/// When they cannot be made.
pub fn prepare(dir: &Path) -> Result<(), StoreError> {
    lock::make_dir(dir)?;
    let [lock, database, log, snapshot] = paths(dir);
    drop(lock::private_file(&lock)?);
    empty_snapshot(&snapshot);
    let is_made = std::fs::metadata(&database).is_ok_and(|file| file.len() > 0);
    if !is_made || dir.join(JOURNAL).exists() {
        let (made, _) = database::open(database)?;
        made.close();
    }
    drop(lock::private_file(&log)?);
    Ok(())
}

/// Makes the file of the snapshot, with nothing in it. A disk that is full keeps no Worker from being served.
fn empty_snapshot(path: &Path) {
    if let Err(error) = lock::emptied_file(path) {
        tracing::warn!("nobody can copy this Worker while it runs: {error}");
    }
}

/// The files in `dir` that a store writes.
pub fn files(dir: &Path) -> Vec<PathBuf> {
    paths(dir).to_vec()
}

/// The lock, the database, its log and the copy of it.
fn paths(dir: &Path) -> [PathBuf; 4] {
    [lock::FILE, FILE, LOG, SNAPSHOT].map(|file| dir.join(file))
}

/// Takes the directory of a store until what is returned is dropped: no host can open it meanwhile.
///
/// # Errors
/// When a host has it.
pub fn hold(dir: &Path) -> Result<Lock, StoreError> {
    lock::take(dir)
}

/// A Worker's store. Clones share it.
///
/// Without [`Store::close`], dropping the last clone still commits what is dirty, as far as the
/// source is still there to ask.
#[derive(Debug, Clone)]
pub struct Store {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Store {
    /// Opens the store in `dir`, which is made if it is not there, and reads it.
    ///
    /// # Errors
    /// When another process has it, or it cannot be read or brought up to date.
    pub fn open(dir: &Path) -> Result<(Self, Loaded), StoreError> {
        lock::make_dir(dir)?;
        let lock = lock::take(dir)?;
        let (database, loaded) = database::open(dir.join(FILE))?;
        // Whoever had it copied may have gone before it was emptied.
        empty_snapshot(&dir.join(SNAPSHOT));
        let shared = Arc::new(Shared::default());
        let writer = writer::Writer::new(Arc::clone(&shared), database, lock);
        thread::Builder::new()
            .name("ewh-store".to_owned())
            .spawn(move || writer.run())
            .map_err(|source| StoreError::File {
                action: "start a thread to write",
                path: dir.join(FILE),
                source: Arc::new(source),
            })?;
        let handle = Arc::new(Handle { shared });
        Ok((Self { handle }, loaded))
    }

    /// Says who knows how things are. Until then what is dirty waits.
    pub fn attach(&self, source: Weak<dyn Source>) {
        self.handle.shared.attach(source);
    }

    /// Marks things, after they changed. What is marked in one call is committed in one transaction.
    pub fn dirty(&self, what: impl IntoIterator<Item = Dirty>) {
        self.handle.shared.mark(what);
    }

    /// Marks a thing that a guest changed: nobody waits for it, so that it is committed within
    /// [`GUEST_SAVE_PAUSE`](crate::limits::GUEST_SAVE_PAUSE), however often it changes until then.
    pub(crate) fn dirty_later(&self, what: Dirty) {
        self.handle.shared.mark_later(what);
    }

    /// Resolves when everything that was marked before this call is committed, or failed to be.
    ///
    /// What failed stays dirty and is tried again.
    ///
    /// # Errors
    /// Why the commit failed.
    pub fn saved(&self) -> impl Future<Output = Result<(), StoreError>> + Send + 'static + use<> {
        shared::saved(&self.handle.shared)
    }

    /// Commits what is dirty, and copies everything into the file [`SNAPSHOT`] of the directory, as it is at one moment.
    /// What is changed meanwhile waits. Whoever has read the file empties it: what is removed from the store later is not
    /// to stay there. What guests say of themselves now is `states`, of which the store itself keeps nothing.
    ///
    /// # Errors
    /// Why it could not be committed or copied.
    pub(crate) async fn snapshot(&self, states: States) -> Result<(), StoreError> {
        let taken = self.handle.shared.snapshot(states);
        taken.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Commits what is dirty, ends the writer and gives the directory back.
    ///
    /// # Errors
    /// Why the last commit failed: what was dirty is lost then.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.handle.shared.close();
        shared::ended(&self.handle.shared).await
    }
}
