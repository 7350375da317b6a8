//! A Worker in one zip archive, to share or to move: `config`, `state` and the files under `files/`,
//! as a Python Worker writes and reads it.
//!
//! What goes in are the views that clients get: there is no other way in for a configuration or a state,
//! and no secret is in either.
//!
//! It is built from what may stay, and never by taking out what must not.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, DirEntry, File};
use serde::Serialize;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::files::WAITING;
use super::views::{ConfigView, SharedState};
use crate::archive::check_path;
use crate::json;
use crate::limits::{
    MAX_ARCHIVE_BYTES, MAX_ARCHIVE_CONTENT_BYTES, MAX_ARCHIVE_MEMBERS, MAX_NAME_BYTES,
    MAX_STATE_BYTES,
};
use crate::nodespace::LeftOut;
use crate::text;

/// The member with the Worker's configuration.
pub const CONFIG: &str = "config";
/// The member with its state.
pub(crate) const STATE: &str = "state";
/// The folder with its files.
pub(crate) const FILES: &str = "files";
/// The folder with those of its external workers, each by its uuid.
pub(crate) const FOLDERS: &str = "folders";

/// Compressed further than this, a file is kept uncompressed: an importer takes it for an attack.
const SUSPICIOUS_RATIO: u64 = 100;

/// What an export is made of.
#[derive(Debug)]
pub struct ExportParts<'a> {
    /// The Worker's configuration.
    pub config: ConfigView,
    /// Its state.
    pub state: SharedState,
    /// The folder with its files, if they shall go along. Symbolic links in it stay behind.
    pub files: Option<&'a Dir>,
    /// The folders of its external workers, if they shall go along.
    pub folders: Option<OwnFolders<'a>>,
}

/// The folders of external workers.
#[derive(Debug)]
pub struct OwnFolders<'a> {
    /// The directory that has them.
    pub root: &'a Dir,
    /// Whose: their uuids.
    pub uuids: Vec<String>,
    /// Gets what stays behind for its name: no guest keeps its Worker from an export by that.
    pub left_out: &'a RefCell<LeftOut>,
}

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportProblem {
    /// There is more than an importer would take.
    #[error(
        "the export would be too big: {what} is more than the {limit} allowed. Export without files, or remove some"
    )]
    TooBig {
        /// What.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// A file that cannot go along.
    #[error("the file `{file}` {problem}. Rename it, or export without files")]
    File {
        /// Its path, cleaned.
        file: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file cannot be read, or the archive not be built.
    #[error("the files of the Worker cannot be read")]
    Read(#[from] io::Error),
}

/// Builds an export.
///
/// # Errors
/// When a file cannot be read, or there is too much of it.
pub fn export(parts: &ExportParts<'_>) -> Result<Vec<u8>, ExportProblem> {
    let mut export = Export {
        zip: ZipWriter::new(Cursor::new(Vec::new())),
        members: 0,
        content: 0,
    };
    export.document(CONFIG, &parts.config)?;
    export.document(STATE, &parts.state)?;
    if let Some(files) = parts.files {
        export.files(FILES, files, &mut |file, problem| {
            Err(ExportProblem::File { file, problem })
        })?;
    }
    for uuid in parts.folders.iter().flat_map(|folders| &folders.uuids) {
        if let Some(folders) = &parts.folders
            && let Some(own) = there(folders.root.open_dir(uuid))?
        {
            let mut leave_out = |file: String, problem: &'static str| {
                let line = format!("the file `{file}`, which {problem}");
                folders.left_out.borrow_mut().push(line);
                Ok(())
            };
            export.files(&format!("{FOLDERS}/{uuid}"), &own, &mut leave_out)?;
        }
    }
    let bytes = export.zip.finish().map_err(failed)?.into_inner();
    at_most("the archive", bytes.len() as u64, MAX_ARCHIVE_BYTES)?;
    Ok(bytes)
}

struct Export {
    zip: ZipWriter<Cursor<Vec<u8>>>,
    members: u64,
    content: u64,
}

impl Export {
    fn document(&mut self, name: &str, document: &impl Serialize) -> Result<(), ExportProblem> {
        // As a Python Worker has it: people look into these.
        let text = json::to_pretty(document);
        at_most("the state", text.len() as u64, MAX_STATE_BYTES)?;
        self.count(name, text.len() as u64)?;
        self.start(name, CompressionMethod::Deflated)?;
        Ok(self.zip.write_all(text.as_bytes())?)
    }

    /// All below `root`, as `name`. It may change meanwhile, so what is gone is not an error; and it may be
    /// wide, so folders are opened one after another.
    fn files(
        &mut self,
        name: &str,
        root: &Dir,
        refuse: &mut dyn FnMut(String, &'static str) -> Result<(), ExportProblem>,
    ) -> Result<(), ExportProblem> {
        let mut folders = vec![PathBuf::new()];
        while let Some(below) = folders.pop() {
            let at = if below.as_os_str().is_empty() {
                Path::new(".")
            } else {
                &below
            };
            let Some(folder) = there(root.open_dir(at))? else {
                continue;
            };
            let mut entries = folder.entries()?.collect::<io::Result<Vec<_>>>()?;
            // One order for one content.
            entries.sort_by_key(DirEntry::file_name);
            let mut is_empty = true;
            let inside = format!("{name}/{}", below.to_string_lossy());
            for entry in entries {
                let below = below.join(entry.file_name());
                if name == FILES && below.to_string_lossy().starts_with(WAITING) {
                    continue;
                }
                let Some(kind) = there(entry.file_type())? else {
                    continue;
                };
                if !kind.is_dir() && !kind.is_file() {
                    continue;
                }
                let path = format!("{name}/{}", below.to_string_lossy());
                let is_text = below.to_str().ok_or("has a name that is not UTF-8");
                if let Err(problem) = is_text.and_then(|_| check_path(&path)) {
                    refuse(text::clean_line(&path, MAX_NAME_BYTES), problem)?;
                    continue;
                }
                is_empty = false;
                if kind.is_dir() {
                    folders.push(below);
                } else {
                    self.file(name, &path, &entry)?;
                }
            }
            // Clients upload files, and no folders; external workers make them.
            if is_empty && !below.as_os_str().is_empty() && name != FILES {
                self.count(name, 0)?;
                let options = SimpleFileOptions::default().unix_permissions(0o700);
                self.zip.add_directory(inside, options).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// `place`: the part of the export that it is in.
    fn file(&mut self, place: &str, path: &str, entry: &DirEntry) -> Result<(), ExportProblem> {
        let Some(content) = there(entry.open())? else {
            return Ok(());
        };
        let before = self.length();
        self.start(path, CompressionMethod::Deflated)?;
        let size = self.copy(&content)?;
        self.count(place, size)?;
        let compressed = self.length().saturating_sub(before);
        if size / compressed.max(1) >= SUSPICIOUS_RATIO {
            self.zip.abort_file().map_err(failed)?;
            self.start(path, CompressionMethod::Stored)?;
            let mut content = content;
            content.rewind()?;
            self.copy(&content)?;
        }
        Ok(())
    }

    /// A file that grows meanwhile is cut at what is left of the limit, and refused for it.
    fn copy(&mut self, content: &File) -> Result<u64, ExportProblem> {
        let left = MAX_ARCHIVE_CONTENT_BYTES.saturating_sub(self.content);
        let mut file = content.take(left.saturating_add(1));
        let size = io::copy(&mut file, &mut self.zip)?;
        self.zip.flush()?;
        at_most("the archive", self.length(), MAX_ARCHIVE_BYTES)?;
        Ok(size)
    }

    fn start(&mut self, name: &str, method: CompressionMethod) -> Result<(), ExportProblem> {
        let options = SimpleFileOptions::default()
            .compression_method(method)
            .unix_permissions(0o600);
        self.zip.start_file(name, options).map_err(failed)
    }

    /// There is one more, of `size` bytes, in the part `place` of the export.
    fn count(&mut self, place: &str, size: u64) -> Result<(), ExportProblem> {
        self.members += 1;
        self.content = self.content.saturating_add(size);
        let number = format_args!("the number of files and empty folders, counted into `{place}`,");
        at_most(number, self.members, MAX_ARCHIVE_MEMBERS)?;
        at_most("the content", self.content, MAX_ARCHIVE_CONTENT_BYTES)
    }

    fn length(&self) -> u64 {
        let bytes = self.zip.get_ref().map(|bytes| bytes.get_ref().len());
        bytes.unwrap_or_default() as u64
    }
}

fn at_most(what: impl Display, amount: u64, limit: u64) -> Result<(), ExportProblem> {
    if amount > limit {
        let what = what.to_string();
        return Err(ExportProblem::TooBig { what, limit });
    }
    Ok(())
}

/// What is gone meanwhile is not there.
fn there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(there) => Ok(Some(there)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn failed(error: ZipError) -> ExportProblem {
    ExportProblem::Read(error.into())
}
