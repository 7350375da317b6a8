//! Streams of bytes of the component model, read and written without losing anything when the task
//! that waits for them is dropped.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::error::{Error, Result};
use crate::framing::Pending;
use crate::sys::{FutureReader, StreamRead, StreamReader, StreamResult, StreamWriter, wit_stream};

/// What one read asks for at most; also what is kept ready for bytes that were not asked for yet.
const CHUNK: usize = 64 * 1024;

/// Bytes that arrive, and the reason why they ended.
pub(crate) struct Incoming<E: 'static> {
    reader: StreamReader<u8>,
    end: Option<FutureReader<Result<(), E>>>,
    pending: Pending,
    ended: bool,
}

impl<E: Into<Error> + 'static> Incoming<E> {
    pub(crate) fn new(reader: StreamReader<u8>, end: Option<FutureReader<Result<(), E>>>) -> Self {
        Self {
            reader,
            end,
            pending: Pending::default(),
            ended: false,
        }
    }

    /// At most `max` bytes; empty only at the end.
    pub(crate) async fn read(&mut self, max: usize) -> Result<Vec<u8>> {
        if self.pending.is_empty() && max > 0 {
            self.fill(max.min(CHUNK)).await?;
        }
        Ok(self.pending.take(max))
    }

    /// Exactly `count` bytes.
    pub(crate) async fn read_exact(&mut self, count: usize) -> Result<Vec<u8>> {
        while self.pending.len() < count {
            if !self.fill((count - self.pending.len()).min(CHUNK)).await? {
                return Err(ended());
            }
        }
        Ok(self.pending.take(count))
    }

    /// Everything up to and with `byte`.
    pub(crate) async fn read_until(&mut self, byte: u8, max: usize) -> Result<Vec<u8>> {
        let mut searched = 0;
        loop {
            if let Some(found) = self.pending.take_until(byte, max, &mut searched)? {
                return Ok(found);
            }
            if !self.fill(CHUNK).await? {
                return Err(ended());
            }
        }
    }

    /// Everything until the end, and an error beyond `max`.
    pub(crate) async fn read_to_end(&mut self, max: usize) -> Result<Vec<u8>> {
        loop {
            let room = max.checked_sub(self.pending.len()).ok_or_else(|| {
                Error::unavailable(format!("more than the {max} bytes allowed came"))
            })?;
            // One more than allowed, to see whether there is one more.
            if !self.fill(CHUNK.min(room.saturating_add(1))).await? {
                break;
            }
        }
        Ok(self.pending.take(max))
    }

    /// Waits for more. False: there is no more.
    async fn fill(&mut self, want: usize) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let read = Box::pin(self.reader.read(Vec::with_capacity(want)));
        let status = Fill {
            read: Some(read),
            into: &mut self.pending,
        }
        .await;
        if !matches!(status, StreamResult::Dropped) {
            return Ok(true);
        }
        self.ended = true;
        if let Some(end) = self.end.take() {
            end.into_future().await.map_err(Into::into)?;
        }
        Ok(false)
    }
}

fn ended() -> Error {
    Error::unavailable("the other side closed the connection")
}

/// A read whose bytes are kept when it is dropped half way, by a deadline for example.
struct Fill<'a> {
    read: Option<Pin<Box<StreamRead<'a, u8>>>>,
    into: &'a mut Pending,
}

impl Future for Fill<'_> {
    type Output = StreamResult;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<StreamResult> {
        let Some(read) = &mut self.read else {
            return Poll::Ready(StreamResult::Dropped);
        };
        let Poll::Ready((status, bytes)) = read.as_mut().poll(cx) else {
            return Poll::Pending;
        };
        self.read = None;
        self.into.push(&bytes);
        Poll::Ready(status)
    }
}

impl Drop for Fill<'_> {
    fn drop(&mut self) {
        if let Some(read) = &mut self.read {
            let (_, bytes) = read.as_mut().cancel();
            self.into.push(&bytes);
        }
    }
}

/// Bytes that leave, and the reason why no more can.
pub(crate) struct Outgoing<E: 'static> {
    /// None: finished, or the other side ended it.
    writer: Option<StreamWriter<u8>>,
    end: Option<FutureReader<Result<(), E>>>,
}

impl<E: Into<Error> + 'static> Outgoing<E> {
    /// `start` takes the end that is read.
    pub(crate) fn new(start: impl FnOnce(StreamReader<u8>) -> FutureReader<Result<(), E>>) -> Self {
        let (writer, reader) = wit_stream::new();
        Self {
            writer: Some(writer),
            end: Some(start(reader)),
        }
    }

    pub(crate) async fn write_all(&mut self, data: &[u8]) -> Result<()> {
        let Some(writer) = &mut self.writer else {
            return Err(Error::unavailable("the sending side is closed"));
        };
        let rest = writer.write_all(data.to_vec()).await;
        if rest.is_empty() {
            return Ok(());
        }
        self.finish().await?;
        Err(Error::unavailable("the other side takes no more bytes"))
    }

    /// Says that this was all, and waits until it has left.
    pub(crate) async fn finish(&mut self) -> Result<()> {
        self.writer = None;
        match self.end.take() {
            Some(end) => end.into_future().await.map_err(Into::into),
            None => Ok(()),
        }
    }
}
