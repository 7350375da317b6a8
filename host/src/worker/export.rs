//! A Worker in one zip archive, to share or to move: `config`, `state` and the files under `files/`,
//! as a Python Worker writes and reads it.
//!
//! What goes in are the views that clients get: there is no other way in for a configuration or a state,
//! and no secret is in either.
//!
//! It is built from what may stay, and never by taking out what must not.

use std::io::{self, Cursor, Read, Write};

use cap_std::fs::{Dir, DirEntry};
use serde::Serialize;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::archive::check_path;
use super::files::WAITING;
use super::views::{ConfigView, SharedState};
use crate::json;
use crate::limits::{
    MAX_ARCHIVE_BYTES, MAX_ARCHIVE_CONTENT_BYTES, MAX_ARCHIVE_MEMBERS, MAX_NAME_BYTES,
    MAX_STATE_BYTES,
};
use crate::text;

/// The member with the Worker's configuration.
pub const CONFIG: &str = "config";
/// The member with its state.
pub(crate) const STATE: &str = "state";
/// The folder with its files.
pub(crate) const FILES: &str = "files";

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
        what: &'static str,
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
        export.files(files)?;
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
        self.count(text.len() as u64)?;
        self.start(name, CompressionMethod::Deflated)?;
        Ok(self.zip.write_all(text.as_bytes())?)
    }

    fn files(&mut self, root: &Dir) -> Result<(), ExportProblem> {
        let mut folders = vec![(FILES.to_owned(), root.try_clone()?)];
        while let Some((path, folder)) = folders.pop() {
            let mut entries = folder.entries()?.collect::<io::Result<Vec<_>>>()?;
            // One order for one content.
            entries.sort_by_key(DirEntry::file_name);
            for entry in entries {
                let name = entry.file_name();
                if path == FILES && name.to_string_lossy().starts_with(WAITING) {
                    continue;
                }
                let path = format!("{path}/{}", name.to_string_lossy());
                let refused = |problem| ExportProblem::File {
                    file: text::clean_line(&path, MAX_NAME_BYTES),
                    problem,
                };
                let kind = entry.file_type()?;
                if (kind.is_dir() || kind.is_file()) && name.to_str().is_none() {
                    return Err(refused("has a name that is not UTF-8"));
                }
                if kind.is_dir() {
                    check_path(&path).map_err(refused)?;
                    folders.push((path, entry.open_dir()?));
                } else if kind.is_file() {
                    check_path(&path).map_err(refused)?;
                    self.file(&path, &entry)?;
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, entry: &DirEntry) -> Result<(), ExportProblem> {
        let before = self.length();
        self.start(path, CompressionMethod::Deflated)?;
        let size = self.copy(entry)?;
        self.count(size)?;
        let compressed = self.length().saturating_sub(before);
        if size / compressed.max(1) >= SUSPICIOUS_RATIO {
            self.zip.abort_file().map_err(failed)?;
            self.start(path, CompressionMethod::Stored)?;
            self.copy(entry)?;
        }
        Ok(())
    }

    /// A file that grows meanwhile is cut at what is left of the limit, and refused for it.
    fn copy(&mut self, entry: &DirEntry) -> Result<u64, ExportProblem> {
        let left = MAX_ARCHIVE_CONTENT_BYTES.saturating_sub(self.content);
        let mut file = entry.open()?.take(left.saturating_add(1));
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

    fn count(&mut self, size: u64) -> Result<(), ExportProblem> {
        self.members += 1;
        self.content = self.content.saturating_add(size);
        at_most("the number of files", self.members, MAX_ARCHIVE_MEMBERS)?;
        at_most("the content", self.content, MAX_ARCHIVE_CONTENT_BYTES)
    }

    fn length(&self) -> u64 {
        let bytes = self.zip.get_ref().map(|bytes| bytes.get_ref().len());
        bytes.unwrap_or_default() as u64
    }
}

fn at_most(what: &'static str, amount: u64, limit: u64) -> Result<(), ExportProblem> {
    if amount > limit {
        return Err(ExportProblem::TooBig { what, limit });
    }
    Ok(())
}

fn failed(error: ZipError) -> ExportProblem {
    ExportProblem::Read(error.into())
}
