//! What may be wrong with a log, as an operator reads it.

use std::fmt;
use std::io;

use super::chain::KeyError;
use super::files::{self, file_name};

/// The first thing that is wrong with a log, and where.
#[derive(Debug, thiserror::Error)]
pub struct Broken {
    /// The name of the file in the log's directory, where it is about one.
    pub file: Option<String>,
    /// The line in that file, from 1.
    pub line: Option<u64>,
    /// The number of the record, where it is known.
    pub seq: Option<u64>,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.file.as_deref().unwrap_or("The log"))?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if let Some(seq) = self.seq {
            write!(f, " (seq {seq})")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl Broken {
    pub(super) fn log(fault: Fault) -> Self {
        Self {
            file: None,
            line: None,
            seq: None,
            fault,
        }
    }

    pub(super) fn file(number: u32, fault: Fault) -> Self {
        Self {
            file: Some(file_name(number)),
            ..Self::log(fault)
        }
    }

    pub(super) fn line(number: u32, line: u64, fault: Fault) -> Self {
        Self {
            line: Some(line),
            ..Self::file(number, fault)
        }
    }

    pub(super) fn head(fault: Fault) -> Self {
        Self {
            file: Some(files::HEAD.to_owned()),
            ..Self::log(fault)
        }
    }

    /// Whether nothing is known to be wrong: the log could not be read.
    pub const fn is_unreadable(&self) -> bool {
        matches!(self.fault, Fault::Unreadable(_))
    }
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It could not be checked.
    #[error("it cannot be read: {0}. Check who may read it, and try again")]
    Unreadable(#[source] io::Error),
    /// There is nothing.
    #[error("there is no log here. Check the directory; if it is right, the log was removed")]
    NoLog,
    /// The key fits neither a file nor the head.
    #[error(
        "nothing in the log was written with this key. Check the key; if it is right, the log was replaced"
    )]
    OtherKey,
    /// The chain does not fit.
    #[error(
        "the line was changed, or lines before it were changed, removed, inserted or moved. Nothing from here on can be trusted; compare it with a copy"
    )]
    Changed,
    /// The chain does not fit, and the number shows how.
    #[error(
        "the line says that it is record {found}, but record {due} is due: lines were removed, inserted, moved or duplicated. Nothing from here on can be trusted; compare it with a copy"
    )]
    OutOfOrder {
        /// The number that should come.
        due: u64,
        /// The number that the line says.
        found: u64,
    },
    /// No line of a log.
    #[error("the line is none that a log writes. Nothing from here on can be trusted")]
    NotALine,
    /// Longer than any line of a log.
    #[error("the line is longer than a log writes. Nothing from here on can be trusted")]
    TooLong,
    /// It ends without a newline, and is not the end of the log.
    #[error("the file ends within a line: its end was cut off")]
    Unfinished,
    /// Nothing in it.
    #[error("the file has no lines: they were removed")]
    Empty,
    /// Written by a program of another time.
    #[error(
        "the format has version {0}, which this program does not know. Use the one that wrote it"
    )]
    Version(u32),
    /// The file says that it is another.
    #[error("the file says that it is {named}: files were renamed or moved", named = file_name(*.0))]
    OtherFile(u32),
    /// The file is of another log.
    #[error("it belongs to another log with the same key: it was brought here")]
    OtherLog,
    /// The header does not follow what is before it.
    #[error(
        "it does not follow the end of the file before it: lines were removed from that one's end, or a file was replaced"
    )]
    NotNext,
    /// A file is gone.
    #[error("the file is missing, but later ones are there: it was removed")]
    FileMissing,
    /// The oldest files are gone, and the log did not remove them.
    #[error(
        "the files before it are missing, and the log does not say that it removed them: somebody else did"
    )]
    OldestMissing,
    /// The head is gone.
    #[error("the file is missing: it was removed, perhaps to hide that lines are missing")]
    HeadMissing,
    /// The head was changed.
    #[error("the file was changed, or it was written with another key")]
    HeadChanged,
    /// The head knows more than there is.
    #[error(
        "the log's head knows of records up to {known}, but {last} is the last: lines were removed from the end"
    )]
    Truncated {
        /// The last record that the head knows.
        known: u64,
        /// The last record that is there.
        last: u64,
    },
    /// The head knows another line by the number.
    #[error(
        "it is not the line that the log's head knows: the log or its head is from another time"
    )]
    NotTheHeads,
    /// The head is from before the first file.
    #[error("it is older than the first file: it was replaced by an old copy")]
    HeadTooOld,
    /// The checkpoint knows more than there is.
    #[error(
        "the checkpoint knows record {known}, but {last} is the last: the log was truncated or replaced by an older copy"
    )]
    BeforeCheckpoint {
        /// The record of the checkpoint.
        known: u64,
        /// The last record that is there.
        last: u64,
    },
    /// The checkpoint knows another line by the number.
    #[error(
        "it is not the line that the checkpoint knows: that one was removed, or the log was written anew"
    )]
    NotTheCheckpoints,
    /// The record of the checkpoint was removed with its file.
    #[error(
        "the checkpoint's record {0} is older than the first file that is kept, so that it says nothing about this log. Use a later checkpoint"
    )]
    CheckpointTooOld(u64),
}

/// Why a log cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another [`Log`](super::Log), writes there.
    #[error("another process writes the audit log in {0}. Stop it, or use another directory")]
    InUse(String),
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Neither a file nor the head fits the key.
    #[error(
        "the audit log in {dir} was not written with the key {key}. Name the right key, or move the log away and begin another"
    )]
    OtherKey {
        /// The directory.
        dir: String,
        /// The file of the key.
        key: String,
    },
    /// A later program wrote it.
    #[error(
        "the audit log in {dir} has a format of version {version}, which this program does not know. Use the program that wrote it, or another directory"
    )]
    Version {
        /// The directory.
        dir: String,
        /// The version.
        version: u32,
    },
    /// The directory.
    #[error("the audit log in {dir} cannot be opened: {source}. Check who may write there")]
    Io {
        /// The directory.
        dir: String,
        /// Why not.
        source: io::Error,
    },
}
