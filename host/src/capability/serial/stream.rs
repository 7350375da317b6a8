//! Bytes between an open port and the component model's streams, copied straight from and into the
//! guest's memory.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Destination, Source, StreamConsumer, StreamProducer, StreamResult, VecBuffer,
};

use super::device::{Fault, Reader, Writer};
use super::{Log, READ_MAX};
use crate::bindings::serial::Error;

/// How a stream ended.
pub(super) type Ended = Result<(), Error>;

/// Tells once how a stream ended; a stream that is dropped ended well.
struct End {
    tell: Option<oneshot::Sender<Ended>>,
    log: Arc<Log>,
}

impl End {
    fn fault(&mut self, fault: Fault) {
        let ended = match fault {
            // Whoever closes the port meant to.
            Fault::Closed => Ok(()),
            fault => Err(self.log.error(fault)),
        };
        self.say(ended);
    }

    fn say(&mut self, ended: Ended) {
        if let Some(tell) = self.tell.take() {
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

/// What arrives at a port.
pub(super) struct Incoming {
    reader: Reader,
    end: End,
}

impl Incoming {
    pub(super) fn new(reader: Reader, log: Arc<Log>) -> (Self, oneshot::Receiver<Ended>) {
        let (tell, ended) = oneshot::channel();
        (
            Self {
                reader,
                end: End {
                    tell: Some(tell),
                    log,
                },
            },
            ended,
        )
    }
}

impl<D: 'static> StreamProducer<D> for Incoming {
    type Item = u8;
    type Buffer = VecBuffer<u8>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut store: StoreContextMut<'a, D>,
        destination: Destination<'a, u8, VecBuffer<u8>>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        let done = if destination.remaining(&mut store) == Some(0) {
            self.reader.poll_available(cx).map_ok(|_| ())
        } else {
            let mut direct = destination.as_direct(store, READ_MAX);
            let read = self.reader.poll_read(cx, direct.remaining());
            read.map_ok(|count| direct.mark_written(count))
        };
        match done {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(StreamResult::Completed)),
            Poll::Ready(Err(fault)) => {
                self.end.fault(fault);
                Poll::Ready(Ok(StreamResult::Dropped))
            }
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// What a guest sends to a port.
pub(super) struct Outgoing {
    writer: Writer,
    end: End,
}

impl Outgoing {
    pub(super) fn new(writer: Writer, log: Arc<Log>) -> (Self, oneshot::Receiver<Ended>) {
        let (tell, ended) = oneshot::channel();
        (
            Self {
                writer,
                end: End {
                    tell: Some(tell),
                    log,
                },
            },
            ended,
        )
    }

    /// Whether whoever waits for the end has gone: the call was cancelled.
    fn poll_abandoned(&mut self, cx: &mut Context<'_>) -> bool {
        self.end
            .tell
            .as_mut()
            .is_none_or(|tell| tell.poll_closed(cx).is_ready())
    }
}

impl<D: 'static> StreamConsumer<D> for Outgoing {
    type Item = u8;

    fn poll_consume(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        store: StoreContextMut<D>,
        source: Source<'_, u8>,
        finish: bool,
    ) -> Poll<wasmtime::Result<StreamResult>> {
        if self.poll_abandoned(cx) {
            return Poll::Ready(Ok(StreamResult::Dropped));
        }
        let mut direct = source.as_direct(store);
        if direct.remaining().is_empty() {
            // The next write waits for the device if it has to.
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        match self.writer.poll_write(cx, direct.remaining()) {
            Poll::Ready(Ok(count)) => {
                direct.mark_read(count);
                Poll::Ready(Ok(StreamResult::Completed))
            }
            Poll::Ready(Err(fault)) => {
                self.end.fault(fault);
                Poll::Ready(Ok(StreamResult::Dropped))
            }
            Poll::Pending if finish => Poll::Ready(Ok(StreamResult::Cancelled)),
            Poll::Pending => Poll::Pending,
        }
    }
}
