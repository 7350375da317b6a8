//! Zip archives of strangers: read only after everything about them was checked.
//!
//! An archive is refused, before anything of it is used, when it is too big in any way, when two
//! members have one name or share bytes, when its two tables of contents differ, or when a member is
//! anything but a file or folder below the archive's own root.

use std::collections::BTreeSet;
use std::io::{self, Cursor, Read, Write};

use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::limits::{
    ARCHIVE_RATIO_FROM, MAX_ARCHIVE_BYTES, MAX_ARCHIVE_CONTENT_BYTES, MAX_ARCHIVE_MEMBERS,
    MAX_ARCHIVE_PATH_BYTES, MAX_ARCHIVE_PATH_DEPTH, MAX_ARCHIVE_RATIO, MAX_NAME_BYTES,
};
use crate::text;

/// What an archive ends with, and what before that says that it has 64 bit numbers.
const END_OF_DIRECTORY: &[u8] = b"PK\x05\x06";
const ZIP64_LOCATOR: &[u8] = b"PK\x06\x07";
const END_OF_DIRECTORY_BYTES: usize = 22;
const ZIP64_LOCATOR_BYTES: usize = 20;
const MAX_COMMENT_BYTES: usize = 1 << 16;

/// Why an archive is refused. Everything in it may be shown to whoever sent the archive.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveProblem {
    /// Too many, too big, too well compressed.
    #[error("the archive is too big: {what} is more than the {limit} allowed")]
    TooBig {
        /// What: "its 12000 members".
        what: String,
        /// The limit.
        limit: u64,
    },
    /// It is not an archive, or it is a broken one.
    #[error("the archive cannot be read: {0}")]
    Broken(String),
    /// A member is not what a member may be.
    #[error("the archive's member `{member}` {problem}")]
    Member {
        /// Its name, cleaned.
        member: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A member that has to be there is not.
    #[error("the archive has no member `{0}`")]
    Missing(String),
    /// What it is unpacked to cannot be written. The text is the host's own.
    #[error("the content of the archive cannot be written")]
    Write(#[source] io::Error),
}

/// A member that is a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its path, of normal components and `/`.
    pub path: String,
    /// How many bytes it has.
    pub size: u64,
    index: usize,
}

/// An archive that was checked.
pub struct Archive {
    zip: ZipArchive<Cursor<Vec<u8>>>,
    members: Vec<Member>,
    folders: Vec<String>,
}

impl Archive {
    /// Checks an archive, its content's checksums included. Nothing but the content of one member at
    /// a time, in parts, is in memory besides the archive.
    ///
    /// # Errors
    /// When anything is wrong with it.
    pub fn open(bytes: Vec<u8>) -> Result<Self, ArchiveProblem> {
        at_most("it", bytes.len() as u64, MAX_ARCHIVE_BYTES)?;
        refuse_zip64(&bytes)?;
        let compressed = bytes.len() as u64;
        let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(broken)?;
        let count = zip.len() as u64;
        at_most(&format!("its {count} members"), count, MAX_ARCHIVE_MEMBERS)?;
        zip.validate_header_consistency().map_err(broken)?;
        let (members, folders) = members(&zip)?;
        check_sizes(&members, compressed)?;
        check_tree(&members, &folders)?;
        let mut archive = Self {
            zip,
            members,
            folders,
        };
        for member in archive.members.clone() {
            archive.copy(&member, &mut io::sink())?;
        }
        Ok(archive)
    }

    /// The files in it.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The paths of the folders that are members themselves, as empty ones are.
    pub fn folders(&self) -> &[String] {
        &self.folders
    }

    /// Reads one member whole, of at most `limit` bytes.
    ///
    /// # Errors
    /// When it is not there, or bigger.
    pub fn read(&mut self, path: &str, limit: u64) -> Result<Vec<u8>, ArchiveProblem> {
        let found = self.members.iter().find(|member| member.path == path);
        let member = found
            .cloned()
            .ok_or_else(|| ArchiveProblem::Missing(path.to_owned()))?;
        at_most(&format!("`{path}`"), member.size, limit)?;
        let mut content = Vec::new();
        self.copy(&member, &mut content)?;
        Ok(content)
    }

    /// Unpacks one member.
    ///
    /// # Errors
    /// When it is not as long as it says, or fails its checksum, or cannot be written.
    pub fn copy(&mut self, member: &Member, to: &mut dyn Write) -> Result<(), ArchiveProblem> {
        let file = self.zip.by_index(member.index).map_err(broken)?;
        // One byte more than declared, to see that there is no more. Read to its end, or nobody
        // compares the checksum.
        let mut file = file.take(member.size.saturating_add(1));
        let mut part = [0; 16 * 1024];
        let mut length = 0_u64;
        loop {
            let read = file.read(&mut part).map_err(|error| broken(error.into()))?;
            let Some(part) = part.get(..read).filter(|part| !part.is_empty()) else {
                break;
            };
            to.write_all(part).map_err(ArchiveProblem::Write)?;
            length = length.saturating_add(part.len() as u64);
        }
        if length == member.size {
            Ok(())
        } else {
            Err(member_problem(&member.path, "is not as long as it says"))
        }
    }
}

/// Nothing that fits the limits needs 64 bit numbers; without them there are at most 65535 members
/// to read before they can be counted.
fn refuse_zip64(bytes: &[u8]) -> Result<(), ArchiveProblem> {
    let tail = MAX_COMMENT_BYTES + END_OF_DIRECTORY_BYTES + ZIP64_LOCATOR_BYTES;
    let tail = bytes
        .get(bytes.len().saturating_sub(tail)..)
        .unwrap_or_default();
    let locates = |at: usize| {
        let end_of_directory = tail.get(at + ZIP64_LOCATOR_BYTES..).unwrap_or_default();
        end_of_directory.starts_with(END_OF_DIRECTORY)
    };
    let found = tail
        .windows(ZIP64_LOCATOR.len())
        .enumerate()
        .any(|(at, part)| part == ZIP64_LOCATOR && locates(at));
    if found {
        let problem = "it is in the format for more than 65535 members or 4 GiB";
        return Err(ArchiveProblem::Broken(problem.to_owned()));
    }
    Ok(())
}

/// Its files, and the paths of its folders.
fn members(
    zip: &ZipArchive<Cursor<Vec<u8>>>,
) -> Result<(Vec<Member>, Vec<String>), ArchiveProblem> {
    let (mut members, mut folders) = (Vec::new(), Vec::new());
    for index in 0..zip.len() {
        let entry = zip.by_index_data(index).map_err(broken)?;
        let name = std::str::from_utf8(entry.name_raw())
            .map_err(|_| member_problem("?", "has a name that is not UTF-8"))?;
        let refuse = |problem| Err(member_problem(name, problem));
        if entry.encrypted() {
            return refuse("is encrypted");
        }
        if entry.is_symlink() {
            return refuse("is a symbolic link");
        }
        let methods = [CompressionMethod::Stored, CompressionMethod::Deflated];
        if !methods.contains(&entry.compression()) {
            return refuse("is not compressed with deflate");
        }
        let path = name.strip_suffix('/').unwrap_or(name);
        check_path(path).map_err(|problem| member_problem(name, problem))?;
        if entry.is_file() {
            members.push(Member {
                path: path.to_owned(),
                size: entry.size(),
                index,
            });
        } else {
            folders.push(path.to_owned());
        }
    }
    Ok((members, folders))
}

/// Whether a path stays below where it is put, on any system, and is spelled the one way it can be.
pub fn check_path(path: &str) -> Result<(), &'static str> {
    let parts = || path.split('/');
    if path.len() > MAX_ARCHIVE_PATH_BYTES || parts().count() > MAX_ARCHIVE_PATH_DEPTH {
        return Err("has a path that is too long");
    }
    if parts().any(|part| matches!(part, "" | "." | "..")) {
        return Err("has a path that is not a plain one below the archive's root");
    }
    if parts().any(|part| part.len() > MAX_NAME_BYTES - 1) {
        return Err("has a name that is too long");
    }
    if path
        .chars()
        .any(|c| c == '\\' || !text::is_harmless_in_names(c))
    {
        return Err("has a character in its path that is not allowed");
    }
    Ok(())
}

fn check_sizes(members: &[Member], compressed: u64) -> Result<(), ArchiveProblem> {
    let total = members
        .iter()
        .fold(0_u64, |sum, member| sum.saturating_add(member.size));
    at_most("its content", total, MAX_ARCHIVE_CONTENT_BYTES)?;
    let ratio = compressed.saturating_mul(MAX_ARCHIVE_RATIO);
    at_most(
        "its content for an archive of its size",
        total,
        ratio.max(ARCHIVE_RATIO_FROM),
    )
}

/// No file is where another one needs a folder.
fn check_tree(members: &[Member], folders: &[String]) -> Result<(), ArchiveProblem> {
    let files: BTreeSet<&str> = members.iter().map(|member| member.path.as_str()).collect();
    let inside_a_file = |path: &str| {
        path.match_indices('/')
            .filter_map(|(at, _)| path.get(..at))
            .any(|folder| files.contains(folder))
    };
    let paths = members.iter().map(|member| &member.path).chain(folders);
    if let Some(path) = paths.into_iter().find(|path| inside_a_file(path)) {
        return Err(member_problem(path, "is inside a file"));
    }
    match folders.iter().find(|path| files.contains(path.as_str())) {
        Some(path) => Err(member_problem(path, "is a file and a folder")),
        None => Ok(()),
    }
}

fn at_most(what: &str, amount: u64, limit: u64) -> Result<(), ArchiveProblem> {
    if amount <= limit {
        return Ok(());
    }
    Err(ArchiveProblem::TooBig {
        what: text::clean_line(what, MAX_NAME_BYTES),
        limit,
    })
}

fn member_problem(member: &str, problem: &'static str) -> ArchiveProblem {
    ArchiveProblem::Member {
        member: text::clean_line(member, MAX_NAME_BYTES),
        problem,
    }
}

fn broken(error: ZipError) -> ArchiveProblem {
    ArchiveProblem::Broken(text::clean_line(&error.to_string(), MAX_NAME_BYTES))
}

#[cfg(test)]
mod tests;
