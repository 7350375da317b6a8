//! The SQLite file: opening it, bringing it up to date, committing to it.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};
use serde::de::DeserializeOwned;

use super::{Change, FILE, Loaded, StoreError};

/// Marks the file as ours: "ewhc".
const APPLICATION_ID: i32 = 0x6577_6863;

/// What brought the file from each format to the next. Never change one that was released: add one, and a file of
/// the format before it to `fixtures`.
pub(super) const MIGRATIONS: &[&str] = &["
    CREATE TABLE tenant(name TEXT PRIMARY KEY NOT NULL, spec TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE token(
        id TEXT PRIMARY KEY NOT NULL,
        tenant TEXT,
        entry TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE answer(
        token TEXT NOT NULL,
        name TEXT NOT NULL,
        tenant TEXT NOT NULL,
        digest BLOB NOT NULL,
        at INTEGER NOT NULL,
        status INTEGER,
        body TEXT,
        PRIMARY KEY(token, name)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX answer_at ON answer(at);
    CREATE INDEX answer_tenant ON answer(tenant);
"];

/// The open file. Nobody else can open it meanwhile.
#[derive(Debug)]
pub(crate) struct Database {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

/// Opens or makes the file, and reads it.
pub(super) fn open(dir: &Path) -> Result<(Database, Loaded), StoreError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(file_error("make the directory", dir))?;
    open_with(dir.join(FILE), MIGRATIONS)
}

/// Opens or makes the file with other migrations than those that there are, as tests do.
pub(super) fn open_with(
    path: PathBuf,
    migrations: &[&str],
) -> Result<(Database, Loaded), StoreError> {
    // SQLite gives its files beside this one the same mode.
    drop(private_file(&path)?);
    let mut connection = connect(&path).map_err(database_error("open", &path))?;
    migrate(&mut connection, &path, migrations)?;
    let loaded = load(&connection, &path)?;
    Ok((Database { connection, path }, loaded))
}

/// Opens the file at `path`, which nobody else has meanwhile, and whose contents may be a stranger's.
pub(super) fn open_alone(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Exclusive: no other host has the file, and the WAL's index is in memory, not in a third file.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    Ok(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open_alone(path)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A machine that loses its power must not bring a token back that was revoked.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What was removed is not to stay in the file's free pages.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let failed = database_error("bring up to date", path);
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let found = check_format(connection, path, known)?;
    if found == known {
        return Ok(());
    }
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    let run = |transaction: Transaction<'_>| {
        for migration in migrations.iter().skip(done) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", known)?;
        transaction.commit()
    };
    connection.transaction().and_then(run).map_err(failed)
}

/// The format of the file, if it is ours, whole and known.
fn check_format(connection: &Connection, path: &Path, known: i64) -> Result<i64, StoreError> {
    let failed = database_error("read", path);
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let id = number("PRAGMA application_id").map_err(&failed)?;
    let found = number("PRAGMA user_version").map_err(&failed)?;
    let tables = number("SELECT count(*) FROM sqlite_schema").map_err(&failed)?;
    let path = path.to_owned();
    if id != i64::from(APPLICATION_ID) && (found != 0 || tables != 0) {
        return Err(StoreError::Foreign { path });
    }
    if found > known {
        return Err(StoreError::Newer { path, found, known });
    }
    let check: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(&failed)?;
    if check == "ok" {
        return Ok(found);
    }
    let problem = check;
    Err(StoreError::Corrupt { path, problem })
}

fn load(connection: &Connection, path: &Path) -> Result<Loaded, StoreError> {
    Ok(Loaded {
        tenants: column(connection, path, "SELECT spec FROM tenant ORDER BY name")?,
        keys: column(connection, path, "SELECT entry FROM token ORDER BY id")?,
    })
}

/// The JSON texts of a column.
fn column<T: DeserializeOwned>(
    connection: &Connection,
    path: &Path,
    sql: &str,
) -> Result<Vec<T>, StoreError> {
    let failed = database_error("read", path);
    let mut statement = connection.prepare(sql).map_err(&failed)?;
    let rows = statement.query_map([], |row| row.get::<_, String>(0));
    let texts: rusqlite::Result<Vec<String>> = rows.map_err(&failed)?.collect();
    let read = |text: &String| {
        serde_json::from_str(text).map_err(|error| StoreError::Corrupt {
            path: path.to_owned(),
            problem: format!("a row of it cannot be read ({error})"),
        })
    };
    texts.map_err(&failed)?.iter().map(read).collect()
}

impl Database {
    /// Writes all changes, or none.
    pub(super) fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.write(|transaction| changes.iter().try_for_each(|it| write(transaction, it)))
    }

    /// Does `work` in one transaction.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let failed = database_error("write to", &self.path);
        let run = |transaction: Transaction<'_>| {
            let done = work(&transaction)?;
            transaction.commit()?;
            Ok(done)
        };
        self.connection.transaction().and_then(run).map_err(failed)
    }
}

fn write(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        let mut statement = transaction.prepare_cached(sql)?;
        statement.execute(values).map(|_rows| ())
    };
    match change {
        Change::PutTenant(spec) => run(
            "INSERT OR REPLACE INTO tenant(name, spec) VALUES (?, ?)",
            params![spec.name, text(spec)?],
        ),
        Change::PutKey(key) => run(
            "INSERT OR REPLACE INTO token(id, tenant, entry) VALUES (?, ?, ?)",
            params![key.id, key.tenant, text(key)?],
        ),
        Change::DropKey(id) => {
            run("DELETE FROM answer WHERE token = ?", params![id])?;
            run("DELETE FROM token WHERE id = ?", params![id])
        }
        Change::DropTenant(name) => {
            run("DELETE FROM answer WHERE tenant = ?", params![name])?;
            run("DELETE FROM token WHERE tenant = ?", params![name])?;
            run("DELETE FROM tenant WHERE name = ?", params![name])
        }
    }
}

fn text(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// Opens a file, made for its owner only before anything is in it, and made so if it was not.
pub(super) fn private_file(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(file_error("open", path))?;
    let mode = file
        .metadata()
        .map_err(file_error("read", path))?
        .permissions();
    if mode.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o600))
            .map_err(file_error("protect", path))?;
    }
    Ok(file)
}

pub(super) fn file_error(
    action: &'static str,
    path: &Path,
) -> impl Fn(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::File {
        action,
        path: path.clone(),
        source: Arc::new(source),
    }
}

pub(super) fn database_error(
    action: &'static str,
    path: &Path,
) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |error| {
        let (path, problem) = (path.clone(), problem(&error));
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt { path, problem }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse { path },
            _ => StoreError::Database {
                action,
                path,
                problem,
            },
        }
    }
}

/// SQLite's own words and code. Never a parameter of a statement.
fn problem(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            let message = message.clone().unwrap_or_else(|| code.to_string());
            format!("{message} (SQLite code {})", code.extended_code)
        }
        other => other.to_string(),
    }
}
