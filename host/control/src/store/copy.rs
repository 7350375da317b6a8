//! Copies of the file, for backups: as it is at one moment, while it is used and while it is not.

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::database::{database_error, file_error, open_alone, private_file};
use super::{FILE, StoreError};

/// Where the copy is until it is open, beside the file.
const COPY: &str = "control.db.copy";

/// The file of a host that does not run, which cannot begin while this is there.
#[derive(Debug)]
pub struct AtRest {
    connection: Connection,
    path: PathBuf,
}

impl AtRest {
    /// Opens the file in `dir`, of whatever format it is; none if there is none.
    ///
    /// # Errors
    /// When a host has it, or it cannot be opened.
    pub fn open(dir: &Path) -> Result<Option<Self>, StoreError> {
        let path = dir.join(FILE);
        if path.symlink_metadata().is_err() {
            return Ok(None);
        }
        let connection = connect(&path).map_err(database_error("open", &path))?;
        Ok(Some(Self { connection, path }))
    }

    /// All of it, in a file that has no name.
    ///
    /// # Errors
    /// When it cannot be read, or there is no room for it.
    pub fn copy(&self) -> Result<File, StoreError> {
        copy(&self.connection, &self.path)
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = open_alone(path)?;
    // What is read first takes the lock, until it is closed.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_row| Ok(()))?;
    Ok(connection)
}

/// Copies everything that is committed into a new file, which loses its name at once.
pub(super) fn copy(connection: &Connection, of: &Path) -> Result<File, StoreError> {
    let path = of.with_file_name(COPY);
    // One may be left of a host that ended meanwhile.
    let left = std::fs::remove_file(&path);
    if let Err(error) = left
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(file_error("remove", &path)(error));
    }
    let file = private_file(&path)?;
    let written = write(connection, &path).map_err(database_error("copy into", &path));
    std::fs::remove_file(&path).map_err(file_error("remove", &path))?;
    written.map(|()| file)
}

fn write(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(path, flags)?;
    // Nobody else reads it, and if it is not whole, nobody does.
    copy.pragma_update(None, "journal_mode", "MEMORY")?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    match Backup::new(connection, &mut copy)?.step(-1)? {
        StepResult::Done => Ok(()),
        // Nobody else has either of them.
        _ => Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
            None,
        )),
    }
}
