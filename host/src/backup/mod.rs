//! Copies of all that a host keeps, made while it runs or while it does not, and how they come back.
//!
//! A copy is a [`tar`] archive. First comes `backup.json`, which says of what format it is; then `audit/`, `data/` and
//! `secrets/`, as far as there are some, each with folders and files in the order of their paths; last comes
//! `manifest.jsonl`, with a line for each of them, its size and its BLAKE3 digest, and a digest of all lines
//! ([`manifest`]). A copy without its end is none.
//!
//! Whoever copies reads no database of a Worker: a process that serves one may be in the hands of a guest, so it copies
//! its database itself ([`Held::Snapshot`]), and only bytes are read of it ([`walk`]). What belongs to a copy, and in which order it is
//! consistent, is in [`create`]. An archive is a stranger's when it comes back: [`restore`] checks all of it before
//! anything has its name.

mod create;
mod manifest;
mod restore;
mod sources;
mod tar;
#[cfg(test)]
mod tests;
mod walk;

use std::io;
use std::path::PathBuf;

pub use create::{Held, LeaveOut, What, Workers, create};
pub use manifest::{LeftOut, Summary};
pub use restore::{Places, restore, verify};
pub use sources::{Place, workers};

use crate::worker::store::StoreError;

/// The format that this host writes and reads.
const FORMAT: u32 = 1;
/// What a copy begins with.
const HEAD: &str = "backup.json";
/// What a copy ends with.
const MANIFEST: &str = "manifest.jsonl";
/// Where the audit log is in a copy.
const AUDIT: &str = "audit";
/// Where the data directory is in a copy.
const DATA: &str = "data";
/// Where the secrets are in a copy.
const SECRETS: &str = "secrets";

/// Why there is no copy, or why one does not come back. For the operator: there are paths in it.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Nothing of a host is there.
    #[error("{path} has no data of a host: neither control.db nor state.db, and no folder with one", path = .0.display())]
    NoData(PathBuf),
    /// A host has what is to be copied.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or directory cannot be used.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Whoever takes the copy takes no more.
    #[error("the copy cannot be written: {0}")]
    Write(#[source] io::Error),
    /// The archive cannot be read.
    #[error("the archive cannot be read: {0}")]
    Read(#[source] io::Error),
    /// The archive is not what a host wrote.
    #[error("the archive is not what was written: {0}. Use another copy")]
    Broken(String),
    /// A later host wrote the archive.
    #[error(
        "the archive has format {found}, and this host reads formats up to {FORMAT}. Use a newer host"
    )]
    Newer {
        /// Its format.
        found: u32,
    },
    /// Something is there already.
    #[error("there is something in {path}; restore into a directory that is new or empty", path = .0.display())]
    NotEmpty(PathBuf),
    /// The copy has nothing of what somebody wants of it.
    #[error("the archive has no {0}; leave out its option")]
    Without(&'static str),
}

/// An error of the file or directory at `path`.
fn failed(
    action: &'static str,
    path: &std::path::Path,
) -> impl Fn(io::Error) -> BackupError + use<> {
    let path = path.to_owned();
    move |source| BackupError::File {
        action,
        path: path.clone(),
        source,
    }
}
