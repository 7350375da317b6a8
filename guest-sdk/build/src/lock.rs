//! One process at a time makes what many need.

use std::fs::{self, File};
use std::path::Path;

use crate::error::Error;
use crate::progress::Progress;

/// Taken until it is dropped; the file stays, since removing it would race. `waiting` is said while another
/// process has it.
pub(crate) fn lock(path: &Path, waiting: &str, progress: &mut dyn Progress) -> Result<File, Error> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
    }
    let file = File::options().create(true).append(true).open(path);
    let file = file.map_err(Error::io("open", path))?;
    if file.try_lock().is_err() {
        progress.note(waiting);
        file.lock().map_err(Error::io("lock", path))?;
    }
    Ok(file)
}
