//! The audit log: who was let do what, in files that show whether they were changed.
//!
//! A record is pushed on a queue, which costs about a microsecond and never waits for a disk; one thread writes. Each
//! line ends with a hash over itself and the one before, made with a key: without the key, no line can be
//! changed, removed, inserted or moved unseen. `head.json` says how far the log has come, so that its end
//! cannot be cut off unseen either. Who has the key can do all that, and who kept an old `head.json` can cut
//! the log back to it; a [`Checkpoint`] that is kept elsewhere shows both.
//!
//! # What is in the directory
//!
//! | name | what it is |
//! |---|---|
//! | `000001.jsonl`, `000002.jsonl`, … | the lines; a new file begins when one is full |
//! | `head.json` | the last record, its chain and its file |
//! | `key` | 32 random bytes as 64 hexadecimal digits and a newline, unless another file is named |
//! | `lock` | held by the one who writes |
//!
//! The directory is its owner's only, and so is each file.
//!
//! # The format, version 1
//!
//! Lines are JSON objects in UTF-8, ended by one `\n`, at most 8,192 bytes with it. Every line ends with the
//! 77 bytes `,"chain":"` H `"}` `\n`, where H is a hash in 64 hexadecimal digits in lower case. The bytes of
//! the line before these 77 are its *body*. The body begins with `{` and has no closing brace.
//!
//! * K, the chain's key, is BLAKE3 in its mode `derive_key`, with the context
//!   `external-worker-host 2026-11-29 audit log, chain of lines` and as key material the 32 bytes that the
//!   key file spells.
//! * H is BLAKE3 in its mode `keyed_hash` with the key K, over the 32 bytes of the H of the line before,
//!   followed by the body. The line before the first line of a file is the last line of the file before;
//!   before the first line of the log come 32 zero bytes.
//!
//! The first line of each file is its header: `{"audit":1,"log":L,"file":N,"after":S,"at":T,"before":B`, with
//! a random name L of the log, 64 hexadecimal digits that are the same in all its files; the number N of the
//! file; the number S of the last record before the file, or 0; and B, the H of the line before.
//!
//! All other lines are records: `{"seq":N,"at":T,"event":…,"by":…` and what else is known. N begins at 1 and
//! grows by one through all files, but for a record with a member `missing`: it says that so many records
//! before it were in the log and were not there any more when it was opened, and their numbers are left out. A
//! record with the members `removed` and `last` says that the log itself removed the file `removed`, whose
//! last H was `last`. A first file with a number other than 1 is right only if a record in the files that are
//! left says so of the file before it, and its B is that `last`.
//!
//! `head.json` is one line, `{"audit":1,"log":L,"file":N,"seq":S,"last":H,"seal":"` M `"}` `\n`: the last
//! record S, its hash H and its file N. M is BLAKE3 in its mode `keyed_hash` over the bytes before
//! `,"seal":"`, with a key that is derived as K is, with the context
//! `external-worker-host 2026-11-29 audit log, seal of the head`. Lines after S may be there, and are right if
//! they chain: the head is written after them.
//!
//! # Time
//!
//! A record has the time that the clock showed, also after the clock was set back: the log keeps what was so
//! instead of making it look orderly, and [`verify()`] says how often it happened. What came first is what
//! has the smaller `seq`; records get theirs in the order in which they are taken.

mod auditor;
mod chain;
mod disk;
mod fault;
mod files;
mod flood;
mod queue;
mod read;
mod record;
mod resume;
mod segment;
mod stamp;
#[cfg(test)]
mod tests;
mod text;
mod verify;
mod walk;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

pub use auditor::{Auditor, Sink};
pub use chain::{Chain, Key, KeyError, NotAHash};
pub use fault::{Broken, Fault, OpenError};
pub use flood::Flood;
pub use read::{Entry, Filter, Line, ReadError, Records, read};
pub use record::{Kind, Origin, Record, UnknownKind};
pub use stamp::{NotATime, Stamp};
pub use text::Text;
pub use verify::{Checkpoint, Gap, NotACheckpoint, Verified, verify};

use disk::{Disk, Files};
use files::Dir;
use queue::{Done, Queue, Queued};
use resume::{KeyFile, Resumed, resume};
use writer::Writer;

/// Of the format.
const VERSION: u32 = 1;
/// Of a line with its newline. Whoever reads holds no more of one.
const MAX_LINE_BYTES: usize = 8 * 1024;

/// How a log is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// A file is at most this long, in bytes, unless its header and one record are longer.
    pub max_file_bytes: u64,
    /// So many files are kept, the one that is written included; 0: all of them.
    pub keep_files: u32,
    /// So many records wait at most, those that are being written included.
    pub queue_records: usize,
    /// They take at most this of memory, in bytes.
    pub queue_bytes: usize,
    /// The file with the key; `None`: the one in the directory. Where nobody but the host can read it, who
    /// can write in the directory cannot forge the log. It is made where none is and there is no log.
    pub key: Option<PathBuf>,
}

impl Default for Options {
    /// 64 files of 16 MiB, and a queue of 8,192 records or 8 MiB: a burst, not a disk that is full for long.
    fn default() -> Self {
        Self {
            max_file_bytes: 16 * 1024 * 1024,
            keep_files: 64,
            queue_records: 8_192,
            queue_bytes: 8 * 1024 * 1024,
            key: None,
        }
    }
}

/// Why a record that somebody waited for is not on disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The queue is full.
    #[error("the audit log's queue is full: its disk is too slow, or fails. Try again later")]
    Full,
    /// The disk failed. The record is taken back: it will not be written later.
    #[error("the audit log cannot be written: {0}. Make room on its disk, or repair it")]
    Failed(String),
    /// The log is closed, or its writer died.
    #[error("the audit log is closed. Start the host again")]
    Closed,
}

/// Why the log does not write. It goes on trying.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the audit log has not been written since {since}: {why}; {waiting} records wait and {lost} are lost. Make room on its disk, or repair it"
)]
pub struct Unhealthy {
    /// Since when.
    pub since: Stamp,
    /// What fails.
    pub why: String,
    /// So many records wait.
    pub waiting: usize,
    /// So many were lost since then.
    pub lost: u64,
}

/// An audit log that is open for writing. Clones are the same log; the last one to go writes what waits and
/// waits for the disk.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    queue: Arc<Queue>,
    found: Vec<String>,
    writer: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Log {
    /// Opens the log in a directory, made if it is not there, and starts its writer.
    ///
    /// What a crash left unfinished is cut off. What is wrong besides does not keep a log from being opened:
    /// it is written down, logged as an error, and told by [`Log::found`].
    ///
    /// # Errors
    ///
    /// Another process writes the log, the directory or the key cannot be used, or nothing in the log was
    /// written with this key.
    pub fn open(dir: &Path, options: &Options) -> Result<Self, OpenError> {
        let (opened, files) = open(dir, options)?;
        Self::start(opened, files, options)
    }

    fn start(opened: Opened, disk: impl Disk, options: &Options) -> Result<Self, OpenError> {
        let Opened { dir, key, resumed } = opened;
        let found: Vec<String> = resumed.first.iter().filter_map(told).collect();
        for problem in &found {
            tracing::error!("the audit log in {}: {problem}", dir.display());
        }
        let queue = Arc::new(Queue::new(options.queue_records, options.queue_bytes));
        let writer = Writer {
            queue: Arc::clone(&queue),
            disk,
            key,
            log: resumed.log,
            max_file_bytes: options.max_file_bytes,
            keep_files: options.keep_files,
            files: resumed.files.into(),
            at: resumed.at,
            pending: resumed.first.into_iter().map(Queued::own).collect(),
            dirty: writer::Dirty::default(),
        };
        let thread = thread::Builder::new().name("audit".to_owned());
        let writer = thread.spawn(|| writer.run());
        let writer = writer.map_err(|source| OpenError::Io {
            dir: dir.display().to_string(),
            source,
        })?;
        Ok(Self(Arc::new(Inner {
            queue,
            found,
            writer: Some(writer),
        })))
    }

    /// What was wrong with the log when it was opened, each as a sentence. It is in the log as well.
    pub fn found(&self) -> &[String] {
        &self.0.found
    }

    /// Writes something down, soon. It waits for no disk and makes no system call but one to wake the writer;
    /// what no room is for is counted, and the count is written.
    pub fn append(&self, record: Record) {
        self.0.queue.push(record.without_claims());
    }

    /// Writes something down and waits until it is on disk: for what must not happen unseen. It blocks its
    /// thread, for as long as the disk takes.
    ///
    /// # Errors
    ///
    /// It is not on disk, and is not going to be.
    pub fn append_durably(&self, record: Record) -> Result<(), AppendError> {
        let (done, outcome) = mpsc::sync_channel(1);
        self.append_then(record, move |result| {
            // Whoever asked waits below.
            let _ = done.send(result);
        });
        outcome.recv().unwrap_or(Err(AppendError::Closed))
    }

    /// [`Log::append_durably`] for those who cannot block: `done` is told, on the writer's thread or on this
    /// one. It must be quick and must not panic: the writer would die of it.
    pub fn append_then(
        &self,
        record: Record,
        done: impl FnOnce(Result<(), AppendError>) + Send + 'static,
    ) {
        let done: Done = Box::new(done);
        self.0.queue.push_durable(record.without_claims(), done);
    }

    /// Whether the log is written.
    ///
    /// # Errors
    ///
    /// The last try failed. It is tried again every second.
    pub fn health(&self) -> Result<(), Unhealthy> {
        self.0.queue.health()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.queue.close();
        let Some(writer) = self.writer.take() else {
            return;
        };
        // Somebody who was told by the writer may have held the last one.
        if writer.thread().id() != thread::current().id() && writer.join().is_err() {
            tracing::error!("the writer of the audit log died");
        }
    }
}

/// A log that may be written.
struct Opened {
    dir: PathBuf,
    key: Key,
    resumed: Resumed,
}

fn open(path: &Path, options: &Options) -> Result<(Opened, Files), OpenError> {
    let failed = |source| OpenError::Io {
        dir: path.display().to_string(),
        source,
    };
    let dir = Dir::make(path).map_err(failed)?;
    let lock = dir.lock().map_err(failed)?;
    let lock = lock.ok_or_else(|| OpenError::InUse(path.display().to_string()))?;
    let key_path = chain::key_path(path, options.key.as_deref());
    let has_files = !dir.numbers().map_err(failed)?.is_empty();
    let has_log = has_files || dir.has(files::HEAD).map_err(failed)?;
    let (key, made) = Key::read_or_make(&key_path, has_log)?;
    let key_file = KeyFile {
        path: key_path,
        is_new: made || options.key.is_some(),
    };
    let resumed = resume(&dir, &key, &key_file)?;
    let opened = Opened {
        dir: path.to_owned(),
        key,
        resumed,
    };
    Ok((opened, Files::new(dir, lock)))
}

/// What a record says was wrong.
fn told(first: &Record) -> Option<String> {
    if first.event != Kind::Gap {
        return None;
    }
    let texts = [first.what.as_deref(), first.reason.as_deref()];
    Some(texts.into_iter().flatten().collect::<Vec<_>>().join(": "))
}
