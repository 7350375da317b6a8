//! Streams of WASI 0.3 between a guest and the disk. Disk work runs off the runtime, one step at a
//! time and only while the guest waits for it, so a stream that nobody reads holds no thread.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use rustix::fs::FileType;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Destination, Source, StreamConsumer, StreamProducer, StreamResult, VecBuffer,
};
use wasmtime_wasi::p3::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode};
use wasmtime_wasi_io::bytes::Bytes;

use super::change::Position;
use super::grant::Readable;
use super::length;
use super::list::List;
use super::quota::Quota;
use super::threads::{PollThreads, Threads};
use crate::limits::Held;

/// Bytes, or directory entries, of one step.
const STEP_BYTES: usize = 16 * 1024;
const STEP_ENTRIES: usize = 64;

/// How a stream ended.
pub(super) type Ended = Result<(), ErrorCode>;

/// Tells once how a stream ended; a stream that is dropped ended well.
struct End(Option<oneshot::Sender<Ended>>);

impl End {
    fn say(&mut self, ended: Ended) {
        if let Some(tell) = self.0.take() {
            // Nobody has to listen.
            let _ = tell.send(ended);
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.say(Ok(()));
    }
}

/// Something that is read in steps, each of which may block.
pub(super) trait Steps: Send + Sync + 'static {
    type Item: Send + Sync + Unpin + 'static;

    /// Items of one step at most.
    const MOST: usize;

    /// The next items, at most `max`; none at the end.
    fn next(&self, max: usize) -> io::Result<Vec<Self::Item>>;
}

/// The bytes of a file, from some offset on.
pub(super) struct FileSteps {
    file: Readable,
    offset: AtomicU64,
}

impl FileSteps {
    pub(super) fn new(file: Readable, offset: u64) -> Self {
        Self {
            file,
            offset: AtomicU64::new(offset),
        }
    }
}

impl Steps for FileSteps {
    type Item = u8;
    const MOST: usize = STEP_BYTES;

    fn next(&self, max: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; max];
        let count = self
            .file
            .read_at(&mut bytes, self.offset.load(Ordering::Acquire))?;
        bytes.truncate(count);
        self.offset.fetch_add(length(count), Ordering::AcqRel);
        Ok(bytes)
    }
}

/// The entries of a directory.
pub(super) struct DirectorySteps(pub(super) List);

impl Steps for DirectorySteps {
    type Item = DirectoryEntry;
    const MOST: usize = STEP_ENTRIES;

    fn next(&self, max: usize) -> io::Result<Vec<DirectoryEntry>> {
        let entry = |entry: super::list::Name| DirectoryEntry {
            name: entry.name,
            type_: match entry.kind {
                FileType::RegularFile => DescriptorType::RegularFile,
                FileType::Directory => DescriptorType::Directory,
                FileType::Symlink => DescriptorType::SymbolicLink,
                FileType::Fifo => DescriptorType::Fifo,
                FileType::Socket => DescriptorType::Socket,
                FileType::CharacterDevice => DescriptorType::CharacterDevice,
                FileType::BlockDevice => DescriptorType::BlockDevice,
                FileType::Unknown => DescriptorType::Other(None),
            },
        };
        Ok(self.0.next(max)?.into_iter().map(entry).collect())
    }
}

/// A stream of what [`Steps`] give.
pub(super) struct Producer<S: Steps> {
    steps: Arc<S>,
    threads: PollThreads,
    step: Option<JoinHandle<io::Result<Vec<S::Item>>>>,
    end: End,
    _held: Vec<Held>,
}

impl<S: Steps> Producer<S> {
    pub(super) fn new(
        steps: S,
        threads: Threads,
        held: Vec<Held>,
    ) -> (Self, oneshot::Receiver<Ended>) {
        let (tell, ended) = oneshot::channel();
        (
            Self {
                steps: Arc::new(steps),
                threads: threads.into(),
                step: None,
                end: End(Some(tell)),
                _held: held,
            },
            ended,
        )
    }
}

impl<D: 'static, S: Steps> StreamProducer<D> for Producer<S> {
    type Item = S::Item;
    type Buffer = VecBuffer<S::Item>;

    fn poll_produce<'a>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        mut destination: Destination<'a, S::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = self.get_mut();
        let max = destination
            .remaining(&mut store)
            .unwrap_or(S::MOST)
            .min(S::MOST);
        if max == 0 {
            // A file is always ready to be read.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        if this.step.is_none() {
            let steps = Arc::clone(&this.steps);
            match this.threads.poll_begin(cx, move || steps.next(max)) {
                Poll::Ready(step) => this.step = Some(step),
                Poll::Pending if finish => return Poll::Ready(Ok(StreamResult::Cancelled)),
                Poll::Pending => return Poll::Pending,
            }
        }
        if let Some(step) = this.step.as_ref().filter(|_| finish) {
            // Takes effect unless the step has begun; then its items are still delivered.
            step.abort();
        }
        let Some(result) = ready!(poll_step(&mut this.step, cx)) else {
            return Poll::Ready(Ok(StreamResult::Cancelled));
        };
        let ended = match result {
            Ok(items) if items.is_empty() => Ok(()),
            Ok(items) => {
                destination.set_buffer(items.into());
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            Err(error) => Err(error.into()),
        };
        this.end.say(ended);
        Poll::Ready(Ok(StreamResult::Dropped))
    }
}

/// Where what a guest writes goes, within the quota.
pub(super) struct Consumer {
    quota: Quota,
    file: Arc<File>,
    at: Position,
    step: Option<JoinHandle<io::Result<usize>>>,
    end: End,
    _held: Vec<Held>,
}

impl Consumer {
    pub(super) fn new(
        quota: Quota,
        file: Arc<File>,
        at: Position,
        held: Vec<Held>,
    ) -> (Self, oneshot::Receiver<Ended>) {
        let (tell, ended) = oneshot::channel();
        (
            Self {
                quota,
                file,
                at,
                step: None,
                end: End(Some(tell)),
                _held: held,
            },
            ended,
        )
    }

    fn begin(&self, bytes: &[u8]) -> JoinHandle<io::Result<usize>> {
        let bytes = Bytes::copy_from_slice(bytes.get(..STEP_BYTES).unwrap_or(bytes));
        let (quota, file, at) = (self.quota.clone(), Arc::clone(&self.file), self.at);
        tokio::spawn(async move { quota.write(file, at, bytes).await })
    }
}

impl<D: 'static> StreamConsumer<D> for Consumer {
    type Item = u8;

    fn poll_consume(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<D>,
        source: Source<'_, u8>,
        _finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let this = self.get_mut();
        let mut direct = source.as_direct(store);
        if this.step.is_none() {
            if direct.remaining().is_empty() {
                return Poll::Ready(Ok(StreamResult::Completed));
            }
            this.step = Some(this.begin(direct.remaining()));
        }
        // A write is never given up half-way: the guest has to learn how much was written.
        let Some(result) = ready!(poll_step(&mut this.step, cx)) else {
            return Poll::Ready(Ok(StreamResult::Dropped));
        };
        match result.and_then(some_written) {
            Ok(count) => {
                direct.mark_read(count);
                if let Position::At(at) = &mut this.at {
                    *at = at.saturating_add(length(count));
                }
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Err(error) => {
                this.end.say(Err(error.into()));
                Poll::Ready(Ok(StreamResult::Dropped))
            }
        }
    }
}

/// Waits for a step; none when it was given up before it began.
fn poll_step<R>(
    step: &mut Option<JoinHandle<io::Result<R>>>,
    cx: &mut Context<'_>,
) -> Poll<Option<io::Result<R>>> {
    let Some(task) = step else {
        return Poll::Ready(None);
    };
    let done = ready!(Pin::new(task).poll(cx));
    *step = None;
    Poll::Ready(match done {
        Ok(result) => Some(result),
        Err(error) if error.is_cancelled() => None,
        Err(error) => Some(Err(io::Error::other(error))),
    })
}

fn some_written(count: usize) -> io::Result<usize> {
    if count == 0 {
        Err(io::ErrorKind::WriteZero.into())
    } else {
        Ok(count)
    }
}
