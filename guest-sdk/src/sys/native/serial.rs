//! Serial ports that a test has plugged devices into.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::{FutureReader, Source, StreamReader, wit_future};
use crate::bindings::funcnodes::external_worker::serial as wit;
use crate::testing::bench;
use crate::testing::clock::Sleep;
use crate::testing::connection::Connection;

pub(crate) fn ports() -> Vec<wit::PortInfo> {
    let ports = bench::current().ports().into_iter();
    let info = |(name, present)| wit::PortInfo {
        name,
        baud_rates: Vec::new(),
        present,
    };
    ports.map(info).collect()
}

/// Why a stream has ended.
type Ended = FutureReader<Result<(), wit::Error>>;

/// An open port.
pub(crate) struct Port {
    connection: Rc<Connection>,
    receiving: Rc<Cell<bool>>,
}

/// What a port streams.
struct Received {
    connection: Rc<Connection>,
    receiving: Rc<Cell<bool>>,
}

impl Source<u8> for Received {
    fn poll_read(&self, cx: &std::task::Context<'_>, max: usize) -> Poll<Option<Vec<u8>>> {
        self.connection.poll_read(cx, max)
    }

    fn close(&self) {
        self.receiving.set(false);
    }
}

impl Port {
    pub(crate) async fn open(name: String, _: wit::Settings) -> Result<Self, wit::Error> {
        let device = bench::current().port(&name).map_err(wit::Error::Denied)?;
        if device.open.get() {
            return Err(wit::Error::Busy);
        }
        let connection = bench::open(&device).ok_or(wit::Error::NotFound)?;
        Ok(Self {
            connection,
            receiving: Rc::default(),
        })
    }

    pub(crate) async fn read(&self, max: u32, timeout_ms: u32) -> Result<Vec<u8>, wit::Error> {
        if self.receiving.get() {
            return Err(wit::Error::Busy);
        }
        let max = usize::try_from(max).unwrap_or(usize::MAX).max(1);
        let mut clock = pin!(Sleep::new(Duration::from_millis(timeout_ms.into())));
        poll_fn(|cx| match self.connection.poll_read(cx, max) {
            Poll::Ready(Some(bytes)) => Poll::Ready(Ok(bytes)),
            Poll::Ready(None) => Poll::Ready(Err(wit::Error::Disconnected)),
            Poll::Pending => clock.as_mut().poll(cx).map(|()| Err(wit::Error::Timeout)),
        })
        .await
    }

    pub(crate) async fn write(&self, data: Vec<u8>, _: u32) -> Result<(), wit::Error> {
        if self.connection.hear(&data) {
            Ok(())
        } else {
            Err(wit::Error::Disconnected)
        }
    }

    pub(crate) fn receive(&self) -> Result<(StreamReader<u8>, Ended), wit::Error> {
        if self.receiving.replace(true) {
            return Err(wit::Error::Busy);
        }
        let source = Rc::new(Received {
            connection: Rc::clone(&self.connection),
            receiving: Rc::clone(&self.receiving),
        });
        // The only end that a port has.
        let end = wit_future::ready(Err(wit::Error::Disconnected));
        Ok((StreamReader::from_source(source), end))
    }

    pub(crate) async fn send(&self, data: StreamReader<u8>) -> Result<(), wit::Error> {
        self.write(data.collect().await, 0).await
    }

    pub(crate) async fn drain(&self, _: u32) -> Result<(), wit::Error> {
        self.present()
    }

    pub(crate) fn clear(&self, buffer: wit::Buffer) -> Result<(), wit::Error> {
        if !matches!(buffer, wit::Buffer::Output) {
            self.connection.clear();
        }
        self.present()
    }

    pub(crate) fn configure(&self, _: wit::Settings) -> Result<(), wit::Error> {
        self.present()
    }

    pub(crate) fn set_data_terminal_ready(&self, _: bool) -> Result<(), wit::Error> {
        self.present()
    }

    pub(crate) fn set_request_to_send(&self, _: bool) -> Result<(), wit::Error> {
        self.present()
    }

    pub(crate) fn set_break(&self, _: bool) -> Result<(), wit::Error> {
        self.present()
    }

    /// A device that is plugged in is ready.
    pub(crate) fn lines(&self) -> Result<wit::LineState, wit::Error> {
        self.present().map(|()| wit::LineState {
            clear_to_send: true,
            data_set_ready: true,
            ring_indicator: false,
            carrier_detect: true,
        })
    }

    fn present(&self) -> Result<(), wit::Error> {
        if self.connection.is_hung_up() {
            return Err(wit::Error::Disconnected);
        }
        Ok(())
    }
}
