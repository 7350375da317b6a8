//! Streams and futures within one thread, with as much of the component model's as the SDK uses.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, IntoFuture, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// How a read ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamResult {
    Complete,
    Dropped,
    Cancelled,
}

/// Where a stream comes from.
pub(crate) trait Source<T> {
    /// At least one and at most `max`; none at the end.
    fn poll_read(&self, cx: &Context<'_>, max: usize) -> Poll<Option<Vec<T>>>;
    /// Nobody reads any more.
    fn close(&self) {}
}

/// Where what is written goes; nothing stands for the end. False: nothing is taken any more.
type Sink<T> = Box<dyn FnMut(Option<Vec<T>>) -> bool>;

struct Pipe<T> {
    queue: VecDeque<T>,
    written_all: bool,
    closed: bool,
    reader: Option<Waker>,
    sink: Option<Sink<T>>,
}

type Shared<T> = Rc<RefCell<Pipe<T>>>;

impl<T> Source<T> for RefCell<Pipe<T>> {
    fn poll_read(&self, cx: &Context<'_>, max: usize) -> Poll<Option<Vec<T>>> {
        let mut pipe = self.borrow_mut();
        if pipe.queue.is_empty() {
            if pipe.written_all {
                return Poll::Ready(None);
            }
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let take = pipe.queue.len().min(max);
        Poll::Ready(Some(pipe.queue.drain(..take).collect()))
    }

    fn close(&self) {
        self.borrow_mut().closed = true;
    }
}

/// The end that is read.
pub(crate) struct StreamReader<T: 'static> {
    source: Rc<dyn Source<T>>,
    /// What the other end writes into, if it is one of the worker's.
    pipe: Option<Shared<T>>,
}

impl<T: 'static> StreamReader<T> {
    pub(crate) fn from_source(source: Rc<dyn Source<T>>) -> Self {
        Self { source, pipe: None }
    }

    pub(crate) fn read(&mut self, buffer: Vec<T>) -> StreamRead<'_, T> {
        StreamRead {
            source: &self.source,
            max: buffer.capacity().max(1),
            buffer,
        }
    }

    pub(crate) async fn next(&mut self) -> Option<T> {
        let read = poll_fn(|cx| self.source.poll_read(cx, 1)).await;
        read.and_then(|mut one| one.pop())
    }

    pub(crate) async fn collect(self) -> Vec<T> {
        let mut all = Vec::new();
        while let Some(more) = poll_fn(|cx| self.source.poll_read(cx, usize::MAX)).await {
            all.extend(more);
        }
        all
    }

    /// Hands what was and will be written to `sink`.
    pub(crate) fn drain_into(mut self, mut sink: impl FnMut(Option<Vec<T>>) -> bool + 'static) {
        let Some(pipe) = self.pipe.take() else { return };
        let (waiting, ended): (Vec<_>, _) = {
            let mut pipe = pipe.borrow_mut();
            (pipe.queue.drain(..).collect(), pipe.written_all)
        };
        let mut open = waiting.is_empty() || sink(Some(waiting));
        if ended {
            open = open && sink(None);
        }
        let mut pipe = pipe.borrow_mut();
        pipe.closed = !open;
        pipe.sink = open.then(|| Box::new(sink) as Sink<T>);
        self.source = Rc::new(Nothing);
    }
}

impl<T> Drop for StreamReader<T> {
    fn drop(&mut self) {
        self.source.close();
    }
}

struct Nothing;

impl<T> Source<T> for Nothing {
    fn poll_read(&self, _: &Context<'_>, _: usize) -> Poll<Option<Vec<T>>> {
        Poll::Ready(None)
    }
}

/// A read under way. Dropping it loses nothing.
pub(crate) struct StreamRead<'a, T: 'static> {
    source: &'a Rc<dyn Source<T>>,
    max: usize,
    buffer: Vec<T>,
}

impl<T: Unpin> Future for StreamRead<'_, T> {
    type Output = (StreamResult, Vec<T>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.source.poll_read(cx, self.max).map(|read| {
            let mut buffer = std::mem::take(&mut self.buffer);
            match read {
                Some(more) => {
                    buffer.extend(more);
                    (StreamResult::Complete, buffer)
                }
                None => (StreamResult::Dropped, buffer),
            }
        })
    }
}

impl<T: Unpin> StreamRead<'_, T> {
    pub(crate) fn cancel(mut self: Pin<&mut Self>) -> (StreamResult, Vec<T>) {
        (StreamResult::Cancelled, std::mem::take(&mut self.buffer))
    }
}

/// The end that is written.
pub(crate) struct StreamWriter<T: 'static>(Shared<T>);

impl<T: 'static> StreamWriter<T> {
    /// Gives back what was not taken.
    pub(crate) async fn write_all(&mut self, data: Vec<T>) -> Vec<T> {
        self.give(data)
    }

    /// The same, at once.
    pub(crate) fn give(&mut self, data: Vec<T>) -> Vec<T> {
        let sink = {
            let mut pipe = self.0.borrow_mut();
            if pipe.closed {
                return data;
            }
            pipe.sink.take()
        };
        let Some(mut sink) = sink else {
            let mut pipe = self.0.borrow_mut();
            pipe.queue.extend(data);
            wake(pipe.reader.take());
            return Vec::new();
        };
        let open = sink(Some(data));
        let mut pipe = self.0.borrow_mut();
        pipe.closed = !open;
        pipe.sink = open.then_some(sink);
        Vec::new()
    }
}

impl<T> Drop for StreamWriter<T> {
    fn drop(&mut self) {
        let (sink, reader) = {
            let mut pipe = self.0.borrow_mut();
            pipe.written_all = true;
            (pipe.sink.take(), pipe.reader.take())
        };
        if let Some(mut sink) = sink {
            sink(None);
        }
        wake(reader);
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// Makes streams.
pub(crate) mod wit_stream {
    use super::{Pipe, Rc, RefCell, StreamReader, StreamWriter, VecDeque};

    pub(crate) fn new<T: 'static>() -> (StreamWriter<T>, StreamReader<T>) {
        let pipe = Rc::new(RefCell::new(Pipe {
            queue: VecDeque::new(),
            written_all: false,
            closed: false,
            reader: None,
            sink: None,
        }));
        let reader = StreamReader {
            source: Rc::clone(&pipe) as Rc<dyn super::Source<T>>,
            pipe: Some(Rc::clone(&pipe)),
        };
        (StreamWriter(pipe), reader)
    }
}

struct Slot<T> {
    value: Option<T>,
    reader: Option<Waker>,
}

/// One value that is yet to come.
pub(crate) struct FutureReader<T: 'static>(Rc<RefCell<Slot<T>>>);

impl<T: 'static> IntoFuture for FutureReader<T> {
    type Output = T;
    type IntoFuture = FutureRead<T>;

    fn into_future(self) -> FutureRead<T> {
        FutureRead(self.0)
    }
}

/// Waits for the value.
pub(crate) struct FutureRead<T>(Rc<RefCell<Slot<T>>>);

impl<T> Future for FutureRead<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut slot = self.0.borrow_mut();
        if let Some(value) = slot.value.take() {
            return Poll::Ready(value);
        }
        slot.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Gives the value; the default, when it is dropped without one.
pub(crate) struct FutureWriter<T: 'static, F: FnOnce() -> T> {
    slot: Rc<RefCell<Slot<T>>>,
    default: Option<F>,
    of: PhantomData<T>,
}

impl<T, F: FnOnce() -> T> FutureWriter<T, F> {
    pub(crate) fn give(mut self, value: T) {
        self.default = None;
        self.put(value);
    }

    fn put(&self, value: T) {
        let mut slot = self.slot.borrow_mut();
        slot.value = Some(value);
        wake(slot.reader.take());
    }
}

impl<T, F: FnOnce() -> T> Drop for FutureWriter<T, F> {
    fn drop(&mut self) {
        if let Some(default) = self.default.take() {
            self.put(default());
        }
    }
}

/// Makes futures.
pub(crate) mod wit_future {
    use super::{FutureReader, FutureWriter, PhantomData, Rc, RefCell, Slot};

    pub(crate) fn new<T: 'static, F: FnOnce() -> T>(
        default: F,
    ) -> (FutureWriter<T, F>, FutureReader<T>) {
        let slot = Rc::new(RefCell::new(Slot {
            value: None,
            reader: None,
        }));
        let writer = FutureWriter {
            slot: Rc::clone(&slot),
            default: Some(default),
            of: PhantomData,
        };
        (writer, FutureReader(slot))
    }

    /// One that is there already.
    pub(crate) fn ready<T: 'static>(value: T) -> FutureReader<T> {
        FutureReader(Rc::new(RefCell::new(Slot {
            value: Some(value),
            reader: None,
        })))
    }
}
