//! An export, read back: one of this host or of a Python Worker, from anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Map, Value as Json};

use super::export::{CONFIG, FILES, FOLDERS, STATE};
use super::files::{Batch, NewFile, UploadError};
use super::folders::{Arriving, Size};
use super::saved_state::{self, Reading, SavedState, SavedStateProblem};
use crate::archive::{Archive, ArchiveProblem, Member};
use crate::json;
use crate::limits::MAX_STATE_BYTES;
use crate::nodespace::LeftOut;

/// Why something is not imported. May be shown to whoever sent it.
#[derive(Debug, thiserror::Error)]
pub enum ImportProblem {
    /// The archive is refused.
    #[error(transparent)]
    Archive(#[from] ArchiveProblem),
    /// The state in it is.
    #[error(transparent)]
    State(#[from] SavedStateProblem),
    /// The configuration in it is.
    #[error("the configuration of the Worker is wrong: {0}")]
    Config(String),
    /// A file in it is.
    #[error(transparent)]
    File(#[from] UploadError),
}

/// What is in an export. All of it was checked, nothing was written.
pub struct Imported {
    /// The configuration of the Worker that it is from.
    pub config: Json,
    /// The Worker's state.
    pub state: SavedState,
    /// What of both was not taken.
    pub left_out: LeftOut,
    files: Vec<ImportedFile>,
    /// Those of external workers, by uuid.
    folders: BTreeMap<String, Own>,
    archive: Archive,
}

/// A file in an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedFile {
    /// Its path in the folder of the Worker's files.
    pub path: String,
    /// How many bytes it has.
    pub size: u64,
    member: Member,
}

/// What is in the folder of an external worker.
#[derive(Default)]
struct Own {
    files: Vec<ImportedFile>,
    /// The paths of folders in it that nothing may be in.
    folders: Vec<String>,
}

/// Reads and checks an export.
///
/// # Errors
/// When it is not an export, or too much. What is wrong in it is left out.
pub fn import(zip: Vec<u8>) -> Result<Imported, ImportProblem> {
    let mut archive = Archive::open(zip)?;
    let mut config = json::parse_strangers(&archive.read(CONFIG, MAX_STATE_BYTES)?)
        .map_err(|problem| ImportProblem::Config(problem.to_string()))?;
    let read = saved_state::parse(&archive.read(STATE, MAX_STATE_BYTES)?)?;
    let Reading {
        state,
        mut left_out,
    } = read;
    if !config.is_object() {
        left_out.push("the configuration of the Worker, which is not an object");
        config = Json::Object(Map::new());
    }
    let files = archive.members().iter();
    let files = files.filter_map(|member| below(FILES, member)).collect();
    let mut folders: BTreeMap<_, Own> = BTreeMap::new();
    for mut file in archive
        .members()
        .iter()
        .filter_map(|member| below(FOLDERS, member))
    {
        if let Some((uuid, path)) = file.path.split_once('/') {
            let (uuid, path) = (uuid.to_owned(), path.to_owned());
            file.path = path;
            folders.entry(uuid).or_default().files.push(file);
        }
    }
    for path in archive.folders() {
        let below = path.strip_prefix(FOLDERS);
        let below = below.and_then(|path| path.strip_prefix('/')?.split_once('/'));
        if let Some((uuid, path)) = below {
            let own = folders.entry(uuid.to_owned()).or_default();
            own.folders.push(path.to_owned());
        }
    }
    Ok(Imported {
        config,
        state,
        left_out,
        files,
        folders,
        archive,
    })
}

fn below(folder: &str, member: &Member) -> Option<ImportedFile> {
    let path = member.path.strip_prefix(folder)?.strip_prefix('/')?;
    Some(ImportedFile {
        path: path.to_owned(),
        size: member.size,
        member: member.clone(),
    })
}

impl Imported {
    /// The files in it.
    pub fn files(&self) -> &[ImportedFile] {
        &self.files
    }

    /// Unpacks the files into `batch`, from which they get to their places.
    ///
    /// # Errors
    /// When there is no room for them.
    pub fn unpack(&mut self, batch: &mut Batch) -> Result<(), ImportProblem> {
        for file in &self.files {
            let mut counted = Counted {
                file: batch.begin(&file.path)?,
                refused: None,
            };
            let copied = self.archive.copy(&file.member, &mut counted);
            if let Some(refused) = counted.refused {
                return Err(refused.into());
            }
            copied?;
            batch.add(counted.file);
        }
        Ok(())
    }

    /// Whether folders of external workers are in it.
    pub(super) fn has_folders(&self) -> bool {
        !self.folders.is_empty()
    }

    /// How much there is for the folder of the external worker `uuid`, if there is anything.
    pub(super) fn folder_size(&self, uuid: &str) -> Option<Size> {
        let own = self.folders.get(uuid)?;
        let files = own.files.iter().map(|file| file.path.as_str());
        let paths = files.chain(own.folders.iter().map(String::as_str));
        let names: BTreeSet<&str> = paths.flat_map(with_its_folders).collect();
        let sizes = own.files.iter().map(|file| file.size);
        Some(Size::of(sizes, names.len()))
    }

    /// Unpacks the folder of the external worker `uuid` into `arriving`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn unpack_folder(
        &mut self,
        uuid: &str,
        arriving: &Arriving,
    ) -> Result<(), ImportProblem> {
        let Some(own) = self.folders.get(uuid) else {
            return Ok(());
        };
        for path in &own.folders {
            let made = arriving.folder(uuid, path);
            made.map_err(ArchiveProblem::Write)?;
        }
        for file in &own.files {
            let made = arriving.file(uuid, &file.path);
            let mut made = made.map_err(ArchiveProblem::Write)?;
            self.archive.copy(&file.member, &mut made)?;
        }
        Ok(())
    }
}

/// `path`, and every folder that it is in.
fn with_its_folders(path: &str) -> impl Iterator<Item = &str> {
    let folders = path.match_indices('/');
    let folders = folders.filter_map(|(at, _)| path.get(..at));
    folders.chain([path])
}

/// A file that is unpacked: why it is refused goes through an error of another kind.
struct Counted {
    file: NewFile,
    refused: Option<UploadError>,
}

impl Write for Counted {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        match self.file.write(part) {
            Ok(()) => Ok(part.len()),
            Err(refused) => {
                self.refused = Some(refused);
                Err(io::ErrorKind::StorageFull.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ImportProblem {
    /// Why the host itself failed, if it was the host: for its log.
    pub fn internal(&self) -> Option<&io::Error> {
        match self {
            Self::Archive(ArchiveProblem::Write(error)) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
