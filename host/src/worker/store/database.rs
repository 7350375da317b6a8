//! The SQLite file: opening it, bringing it up to date, committing to it.
//!
//! Opening a file that is up to date writes nothing, so that a full disk keeps no Worker from coming
//! back. Its changes fail, each with an answer, until there is room.

use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction};

use super::rows::{self, Row};
use super::{Loaded, StoreError, lock};

/// Marks the file as ours: "ewhs".
const APPLICATION_ID: i32 = 0x6577_6873;
/// Statements that are kept compiled: one to write and one to delete of each table.
const STATEMENTS: usize = 16;

/// What brought the file from each format to the next. Never change one that was released: add one, and a file of
/// the format before it to `fixtures`.
pub(super) const MIGRATIONS: &[&str] = &["
    CREATE TABLE meta(key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE document(name TEXT PRIMARY KEY NOT NULL, json TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE node(seq INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, json TEXT NOT NULL) STRICT;
    CREATE TABLE instance(
        seq INTEGER PRIMARY KEY,
        uuid TEXT UNIQUE NOT NULL,
        class_id TEXT NOT NULL,
        module TEXT NOT NULL,
        name TEXT,
        config TEXT NOT NULL,
        paused INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE instance_state(
        uuid TEXT PRIMARY KEY NOT NULL REFERENCES instance(uuid) ON DELETE CASCADE,
        state BLOB NOT NULL
    ) STRICT;
    CREATE TABLE package(
        name TEXT PRIMARY KEY NOT NULL,
        version TEXT NOT NULL,
        digest TEXT NOT NULL,
        source TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
"];

/// The open file. Nobody else can open it meanwhile.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

/// Opens or makes the file, and reads it.
pub(super) fn open(path: PathBuf) -> Result<(Database, Loaded), StoreError> {
    // SQLite gives its files beside this one the same mode.
    drop(lock::private_file(&path)?);
    let opened = connect(&path);
    let mut connection = opened.map_err(database_error("open", &path))?;
    let created = migrate(&mut connection, &path)?;
    let mut loaded = rows::load(&connection).map_err(database_error("read", &path))?;
    loaded.created = created;
    Ok((Database { connection, path }, loaded))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Exclusive: the WAL's index is in memory, not in a third file.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A secret that was removed is not to stay in the file's free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

/// Whether there was nothing in the file.
fn migrate(connection: &mut Connection, path: &Path) -> Result<bool, StoreError> {
    let failed = database_error("bring up to date", path);
    let number = |connection: &Connection, name: &str| -> rusqlite::Result<i64> {
        connection.pragma_query_value(None, name, |row| row.get(0))
    };
    let found = number(connection, "user_version").map_err(&failed)?;
    let created = found == 0;
    check_format(connection, path, found)?;
    if found == known_format() {
        // Nothing is written to begin with: what was saved can be served from a disk that is full.
        return Ok(created);
    }
    let transaction = connection.transaction().map_err(&failed)?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    for migration in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(migration).map_err(&failed)?;
    }
    transaction
        .pragma_update(None, "application_id", APPLICATION_ID)
        .and_then(|()| transaction.pragma_update(None, "user_version", known_format()))
        .and_then(|()| transaction.commit())
        .map_err(&failed)?;
    Ok(created)
}

fn check_format(connection: &Connection, path: &Path, found: i64) -> Result<(), StoreError> {
    let failed = database_error("read", path);
    let path = path.to_owned();
    let id: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(&failed)?;
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(&failed)?;
    if id != APPLICATION_ID && (found != 0 || tables != 0) {
        return Err(StoreError::Foreign { path });
    }
    let known = known_format();
    if found > known {
        return Err(StoreError::Newer { path, found, known });
    }
    Ok(())
}

fn known_format() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

impl Database {
    /// Writes all rows, or none.
    pub(super) fn commit(&mut self, rows: &[Row<'_>]) -> Result<(), StoreError> {
        let failed = database_error("write to", &self.path);
        let write = |transaction: Transaction<'_>| {
            for row in rows {
                row.write(&transaction)?;
            }
            transaction.commit()
        };
        self.connection
            .transaction()
            .and_then(write)
            .map_err(failed)
    }

    /// Closes the file, with everything that was committed in it and nothing beside it.
    pub(super) fn close(self) {
        if let Err((_connection, error)) = self.connection.close() {
            // What is beside it is read at the next opening: nothing is lost.
            tracing::warn!(%error, path = %self.path.display(), "the store was not closed cleanly");
        }
    }
}

pub(super) fn database_error(
    action: &'static str,
    path: &Path,
) -> impl Fn(rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    move |error| {
        let (path, problem) = (path.clone(), problem(&error));
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt { path, problem }
            }
            _ => StoreError::Database {
                action,
                path,
                problem,
            },
        }
    }
}

/// SQLite's own words and code. Never a parameter of a statement: it may be a secret.
fn problem(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            let message = message.clone().unwrap_or_else(|| code.to_string());
            format!("{message} (SQLite code {})", code.extended_code)
        }
        other => other.to_string(),
    }
}
