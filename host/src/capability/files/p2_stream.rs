//! Streams of WASI 0.2 between a guest and a file, or a directory.

use std::fs::File;
use std::io;
use std::mem;
use std::sync::Arc;
use std::vec;

use rustix::fs::FileType;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry};
use wasmtime_wasi::p2::{
    DynInputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_io::bytes::Bytes;

use super::STREAM_BYTES;
use super::list::{List, Name};
use super::quota::{Position, Quota, on_thread};
use crate::limits::Held;

/// Directory entries that are read ahead.
const ENTRIES_AHEAD: usize = 64;

/// A directory that is being listed, with what it is charged.
pub(super) struct Listing {
    list: Arc<List>,
    ahead: vec::IntoIter<Name>,
    _held: Vec<Held>,
}

impl Listing {
    pub(super) fn new(list: List, held: Vec<Held>) -> Self {
        Self {
            list: Arc::new(list),
            ahead: Vec::new().into_iter(),
            _held: held,
        }
    }

    /// The next entry; none at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<DirectoryEntry>> {
        if self.ahead.as_slice().is_empty() {
            let list = Arc::clone(&self.list);
            self.ahead = on_thread(move || list.next(ENTRIES_AHEAD))
                .await?
                .into_iter();
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
    pub(super) inner: DynInputStream,
    pub(super) _held: Vec<Held>,
}

#[async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.inner.read(size)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        self.inner.blocking_read(size).await
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

#[async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {
        self.inner.ready().await;
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
                    *at = at.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
                }
                State::Ready
            }
            Err(error) => State::Failed(error),
        };
    }
}
