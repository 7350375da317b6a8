//! What the control plane must not lose, in one SQLite file: `control.db`, which only its owner can read. Tenants as
//! they are to be, the keys of tokens, and the answers to requests that may be sent again.
//!
//! Whoever changes something waits until it is on the disk, since a token that was revoked must not come back. There is
//! one connection and one writer; it is used on threads that may block.

mod answers;
mod copy;
mod database;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use answers::{Claim, Claimed, Given};
pub use copy::AtRest;

use crate::model::TenantSpec;
use crate::token::Key;
use database::Database;

/// The file in the data directory.
pub const FILE: &str = "control.db";

/// What the file had when it was opened.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub tenants: Vec<TenantSpec>,
    pub keys: Vec<Key>,
}

/// One change of what is kept.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// A tenant is to be so from now on.
    PutTenant(TenantSpec),
    /// A tenant is gone, and with it all that is kept for it.
    DropTenant(String),
    /// A key is there.
    PutKey(Key),
    /// A key is gone.
    DropKey(String),
}

/// Why something is not kept or not read. For the operator: there are paths in it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process has the file.
    #[error("{path} is in use by another host. Stop it, or use another data directory", path = path.display())]
    InUse {
        /// The file.
        path: PathBuf,
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
    #[error("{path} is corrupt: {problem}. Replace it and {FILE}-wal with intact copies or, to start \
        without tenants, move both away", path = path.display())]
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
    /// The thread that should have done it ended.
    #[error("the host is stopping")]
    Stopping,
}

/// The open file. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    database: Arc<Mutex<Database>>,
}

impl Store {
    /// Opens the file in `dir`, which is made if it is not there, and reads it.
    pub async fn open(dir: &Path) -> Result<(Self, Loaded), StoreError> {
        let dir = dir.to_owned();
        let opening = move || database::open(&dir);
        let (database, loaded) = blocking(opening).await?;
        let database = Arc::new(Mutex::new(database));
        Ok((Self { database }, loaded))
    }

    /// Keeps all changes, or none.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.run(move |database| database.commit(&changes)).await
    }

    /// Whether a request is the first with its idempotency key; if so, it is noted that it runs.
    pub async fn claim(&self, claim: Claim) -> Result<Claimed, StoreError> {
        self.run(move |database| database.claim(&claim)).await
    }

    /// Keeps the answer to a request that was claimed; none if it may be sent once more.
    pub async fn settle(&self, claim: Claim, given: Option<Given>) -> Result<(), StoreError> {
        self.run(move |database| database.settle(&claim, given.as_ref()))
            .await
    }

    /// All of it as it is now, in a file that has no name.
    pub async fn copy(&self) -> Result<File, StoreError> {
        self.run(|database| copy::copy(&database.connection, &database.path))
            .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Database) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.database);
        blocking(move || work(&mut database.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or(Err(StoreError::Stopping))
}
