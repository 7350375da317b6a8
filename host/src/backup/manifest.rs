//! What a copy says of itself: at its begin of what format it is, at its end what is in it.
//!
//! The manifest is written down beside the archive as that grows, and compared with what is found as the archive is read:
//! neither is ever in memory whole.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};

use blake3::{Hash, Hasher};
use serde::{Deserialize, Serialize};

use super::tar::broken;
use super::{BackupError, FORMAT};
use crate::limits::{MAX_BACKUP_LINE_BYTES, MAX_LEFT_OUT_KEPT, MAX_SHOWN_CHARS};
use crate::text;

/// What a copy begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The format.
    pub(super) backup: u32,
    /// The version of the host that wrote it.
    pub(super) host: String,
    /// When, in seconds since 1970.
    pub(super) at: u64,
}

impl Head {
    pub(super) fn new(at: u64) -> Self {
        Self {
            backup: FORMAT,
            host: env!("CARGO_PKG_VERSION").to_owned(),
            at,
        }
    }

    /// One that was read; one of a later format may have other members.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Format {
            backup: u32,
        }
        let wrong = |_| broken("its first file says nothing of a backup");
        let Format { backup: found } = serde_json::from_slice(bytes).map_err(wrong)?;
        match found {
            FORMAT => serde_json::from_slice(bytes).map_err(wrong),
            _ => Err(BackupError::Newer { found }),
        }
    }
}

/// A line of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Line {
    /// A folder is in the archive.
    Folder { path: String },
    /// A file is.
    File {
        path: String,
        size: u64,
        blake3: String,
    },
    /// A Worker is, with all that is in this folder.
    Worker { path: String },
    /// What is not, or not as it was.
    LeftOut(LeftOut),
    /// The digest of all lines before it.
    End { blake3: String },
}

/// Something that a copy lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Where it would be.
    pub path: String,
    /// Why it is not.
    pub why: String,
    /// Whether it is all that a Worker has.
    #[serde(default)]
    pub is_worker: bool,
}

/// What is in a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The version of the host that wrote it.
    pub host: String,
    /// When it was begun, in seconds since 1970.
    pub at: u64,
    /// How many files there are.
    pub files: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// The Workers in it: the folder of each below the data directory, or nothing for one that has all of it.
    pub workers: Vec<String>,
    /// Whether the tenants and tokens of a control plane are in it.
    pub control: bool,
    /// Whether an audit log is.
    pub audit: bool,
    /// Whether secrets are.
    pub secrets: bool,
    /// What is not in it, as far as that is kept.
    pub left_out: Vec<LeftOut>,
    /// How many things are not in it.
    pub left_out_count: u64,
}

impl Summary {
    pub(super) fn of(head: &Head) -> Self {
        Self {
            host: text::clean_line(&head.host, MAX_SHOWN_CHARS),
            at: head.at,
            ..Self::default()
        }
    }

    /// Whether a Worker is missing whole.
    pub fn lacks_a_worker(&self) -> bool {
        self.left_out.iter().any(|it| it.is_worker)
    }

    fn count(&mut self, line: &Line) {
        match line {
            Line::Folder { path } => {
                self.audit |= path == super::AUDIT;
                self.secrets |= path == super::SECRETS;
            }
            Line::File { path, size, .. } => {
                self.files = self.files.saturating_add(1);
                self.bytes = self.bytes.saturating_add(*size);
                self.control |= *path == format!("{}/{}", super::DATA, super::sources::CONTROL);
            }
            Line::Worker { path } => {
                let name = path.strip_prefix("data/").unwrap_or_default();
                self.workers.push(text::clean_line(name, MAX_SHOWN_CHARS));
            }
            Line::LeftOut(it) => {
                self.left_out_count = self.left_out_count.saturating_add(1);
                // Those that matter most are kept in any case: there are no more of them than Workers.
                if it.is_worker || self.left_out.len() < MAX_LEFT_OUT_KEPT {
                    self.left_out.push(LeftOut {
                        path: text::clean_line(&it.path, MAX_SHOWN_CHARS * 8),
                        why: text::clean_line(&it.why, MAX_SHOWN_CHARS * 8),
                        is_worker: it.is_worker,
                    });
                }
            }
            Line::End { .. } => {}
        }
    }
}

/// The lines of a manifest, as they come.
pub(super) struct Lines {
    kept: BufWriter<File>,
    hasher: Hasher,
}

impl Lines {
    pub(super) fn new() -> Result<Self, BackupError> {
        let kept = tempfile::tempfile().map_err(beside)?;
        Ok(Self {
            kept: BufWriter::new(kept),
            hasher: Hasher::new(),
        })
    }

    pub(super) fn add(&mut self, line: &Line) -> Result<(), BackupError> {
        let bytes = bytes_of(line)?;
        self.hasher.update(&bytes);
        self.kept.write_all(&bytes).map_err(beside)
    }

    /// All lines, how many bytes they have, and the line that ends them with the digest of all.
    pub(super) fn end(mut self) -> Result<(BufReader<File>, u64, Hash), BackupError> {
        let hash = self.hasher.finalize();
        self.kept.flush().map_err(beside)?;
        let mut file = self
            .kept
            .into_inner()
            .map_err(|error| beside(error.into_error()))?;
        let bytes = file.stream_position().map_err(beside)?;
        file.rewind().map_err(beside)?;
        Ok((BufReader::new(file), bytes, hash))
    }
}

/// The line that ends a manifest.
pub(super) fn end(hash: Hash) -> Result<Vec<u8>, BackupError> {
    bytes_of(&Line::End {
        blake3: hash.to_hex().to_string(),
    })
}

fn bytes_of(line: &Line) -> Result<Vec<u8>, BackupError> {
    let mut bytes = serde_json::to_vec(line).map_err(|error| beside(error.into()))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// What is written down beside an archive cannot be.
fn beside(source: io::Error) -> BackupError {
    BackupError::File {
        action: "write the manifest in",
        path: std::env::temp_dir(),
        source,
    }
}

/// Reads the manifest of an archive, and compares it with what was `found` in there.
pub(super) fn compare(
    manifest: impl Read,
    found: Lines,
    mut summary: Summary,
) -> Result<Summary, BackupError> {
    let (mut found, _, _) = found.end()?;
    let mut manifest = BufReader::new(manifest);
    let mut hasher = Hasher::new();
    loop {
        let bytes = line_of(&mut manifest)?;
        let line: Line = serde_json::from_slice(&bytes)
            .map_err(|_| broken("its manifest cannot be read, or is not there whole"))?;
        match &line {
            Line::End { blake3 } => {
                let is_end = line_of(&mut manifest)?.is_empty() && line_of(&mut found)?.is_empty();
                return match is_end && hasher.finalize().to_hex().as_str() == blake3 {
                    true => Ok(summary),
                    false => Err(broken("its manifest names other files than there are")),
                };
            }
            Line::LeftOut(_) | Line::Worker { .. } => {}
            Line::Folder { path } | Line::File { path, .. } => {
                if line_of(&mut found)? != bytes {
                    let path = text::clean_line(path, MAX_SHOWN_CHARS * 8);
                    return Err(broken(&format!(
                        "`{path}` is not there, or is not what its manifest says"
                    )));
                }
            }
        }
        hasher.update(&bytes);
        summary.count(&line);
    }
}

/// The next line with its end; nothing at the end.
fn line_of(from: &mut impl BufRead) -> Result<Vec<u8>, BackupError> {
    let mut line = Vec::new();
    let mut some = from.take(MAX_BACKUP_LINE_BYTES);
    some.read_until(b'\n', &mut line)
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => broken(&error.to_string()),
            _ => BackupError::Read(error),
        })?;
    match line.last() {
        None | Some(b'\n') => Ok(line),
        Some(_) => Err(broken("a line of its manifest has no end")),
    }
}
