//! Files that clients bring, alone or in an archive: into one directory, under plain relative paths, all
//! that come together or none of them.
//!
//! The directory is a handle that no path leads out of, links included (`cap-std`); names are checked
//! all the same, so that what is refused is refused with a sentence. Bytes, files and folders are counted
//! before they are written, whoever brings them; what is written waits beside its place until all of it
//! is there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cap_std::fs::{Dir, OpenOptions};
use uuid::Uuid;

use self::space::{Amount, Share, Space, measure};
use super::quota::{Disk, OverQuota};
use crate::{limits, text};

mod space;

/// How the folders begin in which files wait for their place.
pub(super) const WAITING: &str = ".arriving-";

/// Why a file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The name is not a plain relative path.
    #[error("`{0}` cannot be the name of an upload: use a relative path without `..`")]
    Name(String),
    /// It is too much.
    #[error("an upload has at most {max} files", max = limits::MAX_UPLOAD_FILES)]
    TooMany,
    /// There is no room for it.
    #[error("the uploads would have more than {most} {what}; remove some first")]
    Full {
        /// Of what.
        what: &'static str,
        /// How much there may be.
        most: u64,
    },
    /// The data of the Worker takes as much as it may.
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    /// There was no file.
    #[error("no files uploaded")]
    Nothing,
    /// The host could not store it; why is in its log.
    #[error("the host could not store the file")]
    Disk,
}

/// The files of a Worker. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Files {
    dir: Arc<Dir>,
    room: Arc<Mutex<Space>>,
    /// Held by who moves files to their places.
    moving: Arc<Mutex<()>>,
    /// What has to have room for them, besides.
    disk: Arc<Disk>,
}

impl Files {
    /// The files in `dir`, which may have some already. What is left of a process that died is removed.
    pub fn new(dir: Dir) -> Self {
        let most = Amount {
            bytes: limits::MAX_UPLOADS_BYTES,
            entries: limits::MAX_UPLOADED_ENTRIES,
        };
        Self::with_room(dir, most)
    }

    fn with_room(dir: Dir, most: Amount) -> Self {
        for entry in dir.entries().into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(WAITING)) {
                let _ = dir.remove_dir_all(name);
            }
        }
        let room = Space {
            most,
            kept: measure(&dir, 0),
            coming: Amount::default(),
            counted: Instant::now(),
        };
        Self {
            dir: Arc::new(dir),
            room: Arc::new(Mutex::new(room)),
            moving: Arc::default(),
            disk: Arc::default(),
        }
    }

    /// The same on `disk`, which has other things, too.
    #[must_use]
    pub fn on(self, disk: Arc<Disk>) -> Self {
        Self { disk, ..self }
    }

    fn room(&self) -> MutexGuard<'_, Space> {
        lock(&self.room)
    }

    /// Files that come together.
    pub fn batch(&self) -> Batch {
        Batch {
            files: self.clone(),
            waiting: PathBuf::from(format!("{WAITING}{}", Uuid::new_v4().simple())),
            share: Share::none_of(self),
            staged: Vec::new(),
            folders: BTreeSet::new(),
        }
    }

    /// Stores `data` as `name`.
    ///
    /// # Errors
    /// Why not.
    pub fn put(&self, name: &str, data: &[u8]) -> Result<String, UploadError> {
        let mut batch = self.batch();
        let mut file = batch.begin(name)?;
        file.write(data)?;
        let path = file.path().to_owned();
        batch.add(file);
        batch.commit()?;
        Ok(path.to_string_lossy().into_owned())
    }
}

/// Files that come together: all of them get to their places, or none. What this does takes its time: it
/// is not for threads that serve others.
#[derive(Debug)]
pub struct Batch {
    files: Files,
    /// The folder in which they wait; made with the first one.
    waiting: PathBuf,
    share: Share,
    staged: Vec<Staged>,
    /// Those that have to be made.
    folders: BTreeSet<PathBuf>,
}

/// A file that waits for its place.
#[derive(Debug)]
struct Staged {
    waiting: PathBuf,
    place: PathBuf,
}

/// A file that is being written.
#[derive(Debug)]
pub struct NewFile {
    file: std::fs::File,
    staged: Staged,
    share: Share,
}

/// Files that are at their places; dropped instead of kept, everything is as it was before.
#[derive(Debug)]
pub struct Placed {
    batch: Batch,
    done: Vec<Done>,
    replaced: Amount,
}

/// What was done to get files to their places, to undo it.
#[derive(Debug)]
enum Done {
    Made(PathBuf),
    SetAside { from: PathBuf, to: PathBuf },
    Placed(PathBuf),
}

impl Batch {
    /// Begins the file `name`.
    ///
    /// # Errors
    /// When it cannot be its name, or there is no room.
    pub fn begin(&mut self, name: &str) -> Result<NewFile, UploadError> {
        let place = plain_path(name)?;
        let dir = Arc::clone(&self.files.dir);
        let mut share = Share::none_of(&self.files);
        share.more(Amount::ONE)?;
        for folder in folders_of(&place) {
            if !self.folders.contains(folder) && dir.symlink_metadata(folder).is_err() {
                self.share.more(Amount::ONE)?;
                self.folders.insert(folder.to_owned());
            }
        }
        let made = match dir.create_dir(&self.waiting) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        };
        let waiting = self.waiting.join(Uuid::new_v4().simple().to_string());
        let mut options = OpenOptions::new();
        let file = made
            .and_then(|()| dir.open_with(&waiting, options.write(true).create_new(true)))
            .map_err(|error| disk(&error))?;
        Ok(NewFile {
            file: file.into_std(),
            staged: Staged { waiting, place },
            share,
        })
    }

    /// `file` is whole.
    pub fn add(&mut self, file: NewFile) {
        self.share.join(file.share);
        self.staged.push(file.staged);
    }

    /// Moves all of them to their places, in the place of what is there.
    ///
    /// # Errors
    /// Why not; then everything is as it was before.
    pub fn commit(self) -> Result<(), UploadError> {
        self.place()?.keep();
        Ok(())
    }

    /// The same, and it is undone unless it is kept.
    ///
    /// # Errors
    /// Why not; then everything is as it was before.
    pub fn place(self) -> Result<Placed, UploadError> {
        let moving = Arc::clone(&self.files.moving);
        let _moving = lock(&moving);
        self.check_folders()?;
        let mut placed = Placed {
            batch: self,
            done: Vec::new(),
            replaced: Amount::default(),
        };
        let all = placed.batch.place_all(&mut placed.done);
        placed.replaced = all.map_err(|error| disk(&error))?;
        Ok(placed)
    }

    /// Whether no folder gets more names than it may have.
    fn check_folders(&self) -> Result<(), UploadError> {
        let dir = &self.files.dir;
        let mut new: BTreeMap<&Path, BTreeSet<&Path>> = BTreeMap::new();
        let places = self.staged.iter().map(|staged| staged.place.as_path());
        for path in places.chain(self.folders.iter().map(PathBuf::as_path)) {
            let names = new.entry(path.parent().unwrap_or(path)).or_default();
            names.insert(path);
        }
        for (folder, names) in new {
            let at = if folder.as_os_str().is_empty() {
                Path::new(".")
            } else {
                folder
            };
            let there = dir.read_dir(at).into_iter().flatten().flatten();
            let others = there.filter(|entry| !names.contains(&*folder.join(entry.file_name())));
            let others = others.take(limits::MAX_UPLOADED_NAMES).count();
            if others.saturating_add(names.len()) > limits::MAX_UPLOADED_NAMES {
                return Err(UploadError::Full {
                    what: "names in one folder",
                    most: limits::MAX_UPLOADED_NAMES as u64,
                });
            }
        }
        Ok(())
    }

    fn place_all(&mut self, done: &mut Vec<Done>) -> io::Result<Amount> {
        let dir = Arc::clone(&self.files.dir);
        for folder in std::mem::take(&mut self.folders) {
            match dir.create_dir(&folder) {
                // By somebody else, meanwhile.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    self.share.less(Amount::ONE);
                }
                made => {
                    made?;
                    done.push(Done::Made(folder));
                }
            }
        }
        let mut replaced = Amount::default();
        for (at, Staged { waiting, place }) in self.staged.iter().enumerate() {
            if let Ok(old) = dir.symlink_metadata(place) {
                let aside = self.waiting.join(format!("old-{at}"));
                dir.rename(place, &dir, &aside)?;
                let (from, to) = (place.clone(), aside);
                done.push(Done::SetAside { from, to });
                let bytes = old.len();
                replaced = replaced.plus(Amount { bytes, entries: 1 });
                if old.is_dir() {
                    // A file takes the place of a file.
                    return Err(io::ErrorKind::IsADirectory.into());
                }
            }
            dir.rename(waiting, &dir, place)?;
            done.push(Done::Placed(place.clone()));
        }
        Ok(replaced)
    }
}

impl Placed {
    /// They stay where they are.
    pub fn keep(mut self) {
        self.done.clear();
        self.batch.share.keep(self.replaced);
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        let dir = &self.batch.files.dir;
        for done in std::mem::take(&mut self.done).into_iter().rev() {
            let undone = match done {
                Done::Made(folder) => dir.remove_dir(folder),
                Done::SetAside { from, to } => dir.rename(to, dir, from),
                Done::Placed(place) => dir.remove_file(place),
            };
            if let Err(error) = undone {
                tracing::error!("what was begun could not be undone: {error}");
            }
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // Not there when nothing was begun.
        let _ = self.files.dir.remove_dir_all(&self.waiting);
    }
}

impl NewFile {
    /// Its place.
    pub fn path(&self) -> &Path {
        &self.staged.place
    }

    /// Writes `data`, for which there has to be room.
    ///
    /// # Errors
    /// Why not.
    pub fn write(&mut self, data: &[u8]) -> Result<(), UploadError> {
        let bytes = data.len() as u64;
        self.share.more(Amount { bytes, entries: 0 })?;
        self.file.write_all(data).map_err(|error| disk(&error))
    }
}

/// The folders that `path` is in, from the outermost on.
fn folders_of(path: &Path) -> Vec<&Path> {
    let mut folders: Vec<_> = path.ancestors().skip(1).collect();
    folders.retain(|folder| !folder.as_os_str().is_empty());
    folders.reverse();
    folders
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn disk(error: &io::Error) -> UploadError {
    tracing::warn!("an upload was not stored: {error}");
    UploadError::Disk
}

/// A client's name as a path of plain parts.
fn plain_path(name: &str) -> Result<PathBuf, UploadError> {
    let is_plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part.len() <= limits::MAX_UPLOAD_NAME_BYTES
            && !part.contains('\\')
            && part.chars().all(text::is_harmless_in_names)
    };
    let is_short = name.len() <= limits::MAX_UPLOAD_PATH_BYTES
        && name.split('/').count() <= limits::MAX_UPLOAD_PATH_DEPTH
        && !name.starts_with(WAITING);
    if is_short && name.split('/').all(is_plain) {
        Ok(PathBuf::from(name))
    } else {
        let shown = text::clean_line(name, limits::MAX_NAME_BYTES);
        Err(UploadError::Name(shown))
    }
}

/// The path itself of one; of several, the folder that has them all.
pub(crate) fn common_path(paths: &[PathBuf]) -> Option<String> {
    let (first, rest) = paths.split_first()?;
    let mut common = first.clone();
    while rest.iter().any(|path| !path.starts_with(&common)) {
        common.pop();
    }
    Some(common.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
