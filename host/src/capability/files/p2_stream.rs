//! Streams of WASI 0.2 between a guest and a file, or a directory.

use std::fs::File;
use std::io;
use std::mem;
use std::sync::Arc;
use std::vec;

use rustix::fs::FileType;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_io::bytes::Bytes;

use super::change::Position;
use super::grant::Readable;
use super::list::{List, Name};
use super::quota::Quota;
use super::threads::Threads;
use super::{STREAM_BYTES, length};
use crate::limits::Held;

/// Directory entries that are read ahead.
const ENTRIES_AHEAD: usize = 64;

/// A directory that is being listed, with what it is charged.
pub(super) struct Listing {
    list: Arc<List>,
    threads: Threads,
    ahead: vec::IntoIter<Name>,
    _held: Vec<Held>,
}

impl Listing {
    pub(super) fn new(list: List, threads: Threads, held: Vec<Held>) -> Self {
        Self {
            list: Arc::new(list),
            threads,
            ahead: Vec::new().into_iter(),
            _held: held,
        }
    }

    /// The next entry; none at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<DirectoryEntry>> {
        if self.ahead.as_slice().is_empty() {
            let list = Arc::clone(&self.list);
            let read = self.threads.run(move || list.next(ENTRIES_AHEAD)).await?;
            self.ahead = read.into_iter();
        }
        Ok(self.ahead.next().map(|entry| DirectoryEntry {
            name: entry.name,
            type_: match entry.kind {
                FileType::RegularFile => DescriptorType::RegularFile,
                FileType::Directory => DescriptorType::Directory,
                FileType::Symlink => DescriptorType::SymbolicLink,
                FileType::Fifo => DescriptorType::Fifo,
                FileType::Socket => DescriptorType::Socket,
                FileType::CharacterDevice => DescriptorType::CharacterDevice,
                FileType::BlockDevice => DescriptorType::BlockDevice,
                FileType::Unknown => DescriptorType::Unknown,
            },
        }))
    }
}

/// A stream that reads, with what it is charged.
pub(super) struct Input {
    file: Readable,
    offset: u64,
    threads: Threads,
    state: Reading,
    _held: Vec<Held>,
}

enum Reading {
    Idle,
    Under(AbortOnDropJoinHandle<io::Result<Bytes>>),
    Read(Bytes),
    Failed(io::Error),
    Closed,
}

/// Read where a guest waits for bytes without having said how many it wants.
const READ_AHEAD: usize = 4096;

impl Input {
    pub(super) fn new(file: Readable, offset: u64, threads: Threads, held: Vec<Held>) -> Self {
        Self {
            file,
            offset,
            threads,
            state: Reading::Idle,
            _held: held,
        }
    }

    fn begin(&mut self, size: usize) {
        let most = usize::try_from(STREAM_BYTES).unwrap_or(usize::MAX);
        let (file, offset, threads) = (self.file.clone(), self.offset, self.threads.clone());
        let read = move || {
            let mut bytes = vec![0; size.min(most)];
            let count = file.read_at(&mut bytes, offset)?;
            bytes.truncate(count);
            Ok(Bytes::from(bytes))
        };
        self.state = Reading::Under(spawn(async move { threads.run(read).await }));
    }

    async fn wait(&mut self) {
        if let Reading::Under(task) = &mut self.state {
            self.state = match task.await {
                Ok(bytes) if bytes.is_empty() => Reading::Closed,
                Ok(bytes) => Reading::Read(bytes),
                Err(error) => Reading::Failed(error),
            };
        }
    }
}

#[async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        match mem::replace(&mut self.state, Reading::Closed) {
            Reading::Idle => {
                self.state = Reading::Idle;
                if size > 0 {
                    self.begin(size);
                }
                Ok(Bytes::new())
            }
            Reading::Under(task) => {
                self.state = Reading::Under(task);
                Ok(Bytes::new())
            }
            Reading::Read(mut bytes) => {
                let part = bytes.split_to(size.min(bytes.len()));
                let count = length(part.len());
                self.offset = self.offset.saturating_add(count);
                self.state = match bytes.is_empty() {
                    true => Reading::Idle,
                    false => Reading::Read(bytes),
                };
                Ok(part)
            }
            Reading::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
            Reading::Closed => Err(StreamError::Closed),
        }
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        if matches!(self.state, Reading::Idle) && size > 0 {
            self.begin(size);
        }
        self.wait().await;
        self.read(size)
    }

    async fn cancel(&mut self) {
        if let Reading::Under(task) = mem::replace(&mut self.state, Reading::Closed) {
            task.cancel().await;
        }
    }
}

#[async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        if matches!(self.state, Reading::Idle) {
            self.begin(READ_AHEAD);
        }
        self.wait().await;
    }
}

/// A stream that writes within the quota.
pub(super) struct Output {
    quota: Quota,
    file: Arc<File>,
    at: Position,
    state: State,
    _held: Vec<Held>,
}

enum State {
    Ready,
    Writing(AbortOnDropJoinHandle<io::Result<usize>>),
    Failed(io::Error),
    Closed,
}

impl Output {
    pub(super) fn new(quota: Quota, file: Arc<File>, at: Position, held: Vec<Held>) -> Self {
        Self {
            quota,
            file,
            at,
            state: State::Ready,
            _held: held,
        }
    }

    /// The error that the last write ended with, which a stream tells once.
    fn failure(&mut self) -> Result<(), StreamError> {
        match mem::replace(&mut self.state, State::Closed) {
            State::Failed(error) => Err(StreamError::LastOperationFailed(error.into())),
            State::Closed => Err(StreamError::Closed),
            other => {
                self.state = other;
                Ok(())
            }
        }
    }
}

#[async_trait]
impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.failure()?;
        let room = usize::try_from(STREAM_BYTES).unwrap_or(usize::MAX);
        if matches!(self.state, State::Writing(_)) || bytes.len() > room {
            return Err(StreamError::trap(
                "write not permitted: check-write not called first",
            ));
        }
        let (quota, file, at) = (self.quota.clone(), Arc::clone(&self.file), self.at);
        let write = async move { quota.write_all(file, at, bytes).await };
        self.state = State::Writing(spawn(write));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        // Nothing waits in the host but the write that `check-write` waits for.
        self.failure()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.failure()?;
        match self.state {
            State::Writing(_) => Ok(0),
            _ => Ok(usize::try_from(STREAM_BYTES).unwrap_or(usize::MAX)),
        }
    }

    async fn cancel(&mut self) {
        if let State::Writing(task) = mem::replace(&mut self.state, State::Closed) {
            task.cancel().await;
        }
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        let State::Writing(task) = &mut self.state else {
            return;
        };
        self.state = match task.await {
            Ok(written) => {
                if let Position::At(at) = &mut self.at {
                    *at = at.saturating_add(length(written));
                }
                State::Ready
            }
            Err(error) => State::Failed(error),
        };
    }
}
