//! The copy of the file that a Worker makes of itself, for whoever keeps copies of its directory and may open no database
//! of it.
//!
//! Its file is there before, and nothing is made beside it: a confined process may make no file, not even a journal.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, ffi, params};

use super::database::{Database, database_error};
use super::lock::{emptied_file, failed};
use super::{SNAPSHOT, StoreError};

/// What guests say of themselves now, by uuid. It is in the copy alone: a store keeps it only of what does not run.
pub(crate) type States = BTreeMap<String, Vec<u8>>;

/// Where a file says how it is written, for writers and for readers.
const VERSIONS: u64 = 18;
/// With a journal, which is in memory here.
const JOURNALED: [u8; 2] = [1, 1];
/// With a log, as all files of stores are.
const LOGGED: [u8; 2] = [2, 2];

impl Database {
    /// Writes everything that is committed into the snapshot, and `states` with it.
    pub(super) fn snapshot(&self, states: &States) -> Result<(), StoreError> {
        let path = self.path.with_file_name(SNAPSHOT);
        let file = emptied_file(&path)?;
        let in_database = database_error("write a snapshot to", &path);
        let in_file = failed("write", &path);
        copy(&self.connection, &path).map_err(&in_database)?;
        if !states.is_empty() {
            // One with a log would be changed by a log beside it.
            file.write_all_at(&JOURNALED, VERSIONS).map_err(&in_file)?;
            add(states, &path).map_err(&in_database)?;
            file.write_all_at(&LOGGED, VERSIONS).map_err(&in_file)?;
        }
        File::sync_all(&file).map_err(in_file)
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(path, flags)?;
    // What is broken off is no snapshot, and it is synced when it is whole.
    copy.pragma_update(None, "journal_mode", "MEMORY")?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    Ok(copy)
}

fn copy(from: &Connection, path: &Path) -> rusqlite::Result<()> {
    let mut copy = open(path)?;
    match Backup::new(from, &mut copy)?.step(-1)? {
        StepResult::Done => Ok(()),
        // Nobody else has either of them.
        _ => Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_BUSY),
            None,
        )),
    }
}

fn add(states: &States, path: &Path) -> rusqlite::Result<()> {
    let mut copy = open(path)?;
    let transaction = copy.transaction()?;
    for (uuid, state) in states {
        // Of one that went meanwhile there is none.
        transaction
            .prepare_cached(
                "INSERT OR REPLACE INTO instance_state(uuid, state)
                 SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM instance WHERE uuid = ?1)",
            )?
            .execute(params![uuid, state])?;
    }
    transaction.commit()
}
