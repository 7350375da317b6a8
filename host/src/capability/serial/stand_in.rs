//! The near end of a line whose device stands in for another. It takes every setting, and has all control
//! lines raised.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::READ_MAX;
use super::device::Fault;
use crate::bindings::serial::{LineState, Settings};
use crate::engine::NoLine;

/// An open line.
#[derive(Debug)]
pub(super) struct Plug {
    stream: DuplexStream,
    /// What came and was only counted until now.
    unread: Vec<u8>,
}

impl Plug {
    pub(super) fn new(stream: DuplexStream, settings: &Settings) -> Result<Self, Fault> {
        check(settings)?;
        Ok(Self {
            stream,
            unread: Vec::new(),
        })
    }

    pub(super) fn poll_available(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Fault>> {
        if self.unread.is_empty() {
            let mut room = vec![0; READ_MAX];
            let count = ready!(self.poll_stream(cx, &mut room))?;
            room.truncate(count);
            self.unread = room;
        }
        Poll::Ready(Ok(self.unread.len()))
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Fault>> {
        let count = ready!(self.poll_available(cx))?.min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(self.unread.drain(..count)) {
            *to = from;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<usize, Fault>> {
        let mut buffer = ReadBuf::new(buffer);
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
        ready!(read).map_err(Fault::of_use)?;
        match buffer.filled().len() {
            0 => Poll::Ready(Err(Fault::Gone)),
            some => Poll::Ready(Ok(some)),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<Result<usize, Fault>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, data);
        written.map_err(|_| Fault::Gone)
    }

    /// Throws away what came and was not read.
    pub(super) fn clear_input(&mut self) {
        self.unread.clear();
        let mut cx = Context::from_waker(std::task::Waker::noop());
        // What it says once it is gone is said to who reads next.
        while let Poll::Ready(Ok(_)) = self.poll_available(&mut cx) {
            self.unread.clear();
        }
    }

    pub(super) fn configure(&self, settings: &Settings) -> Result<(), Fault> {
        check(settings)
    }

    pub(super) fn lines(&self) -> LineState {
        LineState {
            clear_to_send: true,
            data_set_ready: true,
            ring_indicator: false,
            carrier_detect: true,
        }
    }
}

fn check(settings: &Settings) -> Result<(), Fault> {
    match settings.baud_rate {
        0 => Err(super::settings::no_speed()),
        _ => Ok(()),
    }
}

impl From<NoLine> for Fault {
    fn from(no_line: NoLine) -> Self {
        match no_line {
            NoLine::NotFound => Self::NotFound,
            NoLine::Busy => Self::Busy,
        }
    }
}
