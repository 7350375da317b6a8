//! Serial ports, under the grant `serial`, by the names that the operator gave them.

use std::time::Duration;

use crate::bindings::funcnodes::external_worker::serial as wit;
use crate::context::millis;
use crate::error::{Error, Result};
use crate::framing::{self, Pending};
use crate::pipe::Incoming;
use crate::state::{Lock, State};
use crate::sys::{self, wit_stream};

pub use wit::{Buffer, DataBits, FlowControl, LineState, Parity, PortInfo, StopBits};

/// The settings of a port: 8 data bits, no parity, one stop bit and no flow control unless set otherwise.
///
/// ```
/// use external_worker::serial::{Parity, Settings};
///
/// let settings = Settings::new(9600).parity(Parity::Even);
/// # let _ = settings;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Settings(wit::Settings);

impl Settings {
    /// `baud_rate` symbols per second.
    pub fn new(baud_rate: u32) -> Self {
        Self(wit::Settings {
            baud_rate,
            data_bits: DataBits::Eight,
            parity: Parity::None,
            stop_bits: StopBits::One,
            flow_control: FlowControl::None,
        })
    }

    /// The number of data bits of a symbol.
    #[must_use]
    pub fn data_bits(mut self, bits: DataBits) -> Self {
        self.0.data_bits = bits;
        self
    }

    /// The parity bit.
    #[must_use]
    pub fn parity(mut self, parity: Parity) -> Self {
        self.0.parity = parity;
        self
    }

    /// The pause between symbols.
    #[must_use]
    pub fn stop_bits(mut self, bits: StopBits) -> Self {
        self.0.stop_bits = bits;
        self
    }

    /// How one side tells the other to wait.
    #[must_use]
    pub fn flow_control(mut self, control: FlowControl) -> Self {
        self.0.flow_control = control;
        self
    }
}

/// Lists the granted ports.
pub fn ports() -> Vec<PortInfo> {
    sys::serial::ports()
}

/// An open port, which only this instance can use. Dropping it closes the device.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::serial::{Port, Settings};
/// use std::time::Duration;
///
/// /// Asks a thermometer that answers `T=21.5` and the end of the line.
/// async fn read_celsius() -> Result<f64> {
///     let port = Port::open("thermometer", Settings::new(9600)).await?;
///     port.set_timeout(Duration::from_millis(500));
///     port.write_all(b"T?\r\n").await?;
///     let line = port.read_line(64).await?;
///     Ok(line.trim_start_matches("T=").parse()?)
/// }
/// ```
pub struct Port {
    name: String,
    port: sys::serial::Port,
    timeout: State<Duration>,
    /// Bytes that came after the one that `read_until` was asked for.
    pending: Lock<Pending>,
}

/// What one read asks for at most.
const CHUNK: usize = 4096;

impl Port {
    /// Opens the port that the operator granted under `name`. The time-out of its reads and writes
    /// is one second until [`set_timeout`](Self::set_timeout) says otherwise.
    pub async fn open(name: &str, settings: Settings) -> Result<Self> {
        let port = sys::serial::Port::open(name.to_owned(), settings.0).await;
        let port = port.map_err(|e| Error::from(e).context(format!("opening port {name:?}")))?;
        Ok(Self {
            name: name.to_owned(),
            port,
            timeout: State::new(Duration::from_secs(1)),
            pending: Lock::default(),
        })
    }

    /// Sets how long a read waits for its first byte and a write for its last.
    pub fn set_timeout(&self, timeout: Duration) {
        self.timeout.set(timeout);
    }

    /// Reads at least one and at most `max` bytes; `unavailable` if none came in time.
    pub async fn read(&self, max: usize) -> Result<Vec<u8>> {
        let mut pending = self.pending.lock().await;
        if pending.is_empty() {
            self.fill(&mut pending, max).await?;
        }
        Ok(pending.take(max))
    }

    /// Like [`read`](Self::read), but empty if none came in time; use it for polling.
    pub async fn poll(&self, max: usize) -> Result<Vec<u8>> {
        let mut pending = self.pending.lock().await;
        if pending.is_empty() {
            match self.receive_some(max).await {
                Ok(bytes) => pending.push(&bytes),
                Err(wit::Error::Timeout) => {}
                Err(error) => return Err(self.named(error)),
            }
        }
        Ok(pending.take(max))
    }

    /// Everything up to and with `byte`; an error when it is not among the next `max` bytes. Each
    /// of the reads that this takes has the time-out.
    pub async fn read_until(&self, byte: u8, max: usize) -> Result<Vec<u8>> {
        let mut pending = self.pending.lock().await;
        let mut searched = 0;
        loop {
            match pending.take_until(byte, max, &mut searched) {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => self.fill(&mut pending, CHUNK).await?,
                Err(error) => {
                    // The next reading begins with what comes after this.
                    pending.clear();
                    return Err(error.context(format!("port {:?}", self.name)));
                }
            }
        }
    }

    /// One line of text, without the `\n` or `\r\n` that ends it; an error when that is not among the next
    /// `max` bytes, or the line is not UTF-8. Each of the reads that this takes has the time-out.
    pub async fn read_line(&self, max: usize) -> Result<String> {
        let line = framing::line(self.read_until(b'\n', max).await?);
        line.map_err(|error| error.context(format!("port {:?}", self.name)))
    }

    /// Exactly `count` bytes. Each of the reads that this takes has the time-out; when one fails, what
    /// came before stays for the next read.
    pub async fn read_exact(&self, count: usize) -> Result<Vec<u8>> {
        let mut pending = self.pending.lock().await;
        while pending.len() < count {
            let missing = count - pending.len();
            self.fill(&mut pending, missing.min(CHUNK)).await?;
        }
        Ok(pending.take(count))
    }

    async fn fill(&self, pending: &mut Pending, max: usize) -> Result<()> {
        let bytes = self
            .receive_some(max)
            .await
            .map_err(|error| self.named(error))?;
        pending.push(&bytes);
        Ok(())
    }

    async fn receive_some(&self, max: usize) -> Result<Vec<u8>, wit::Error> {
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        self.port.read(max, millis(self.timeout.get())).await
    }

    /// Hands all of `data` to the device; `unavailable` if the device did not take it in time.
    pub async fn write_all(&self, data: &[u8]) -> Result<()> {
        let written = self
            .port
            .write(data.to_vec(), millis(self.timeout.get()))
            .await;
        written.map_err(|error| self.named(error))
    }

    /// Streams everything that arrives from now on, without time-outs. A port has one such stream at a
    /// time; meanwhile `read` returns `busy`.
    pub fn receive(&self) -> Result<Receiver> {
        let (reader, end) = self.port.receive().map_err(|error| self.named(error))?;
        Ok(Receiver(Lock::new(Incoming::new(reader, Some(end)))))
    }

    /// Sends `data` as a stream, however long it takes, and waits until the last byte was handed to
    /// the device.
    pub async fn send(&self, data: Vec<u8>) -> Result<()> {
        let (mut writer, reader) = wit_stream::new();
        let feeding = async move {
            // What was not taken is what `send` answers an error for.
            drop(writer.write_all(data).await);
            drop(writer);
        };
        let sent = crate::time::alongside(self.port.send(reader), feeding).await;
        sent.map_err(|error| self.named(error))
    }

    /// Waits until everything written has left the device.
    pub async fn drain(&self) -> Result<()> {
        let drained = self.port.drain(millis(self.timeout.get())).await;
        drained.map_err(|error| self.named(error))
    }

    /// Discards the bytes that were not yet read or sent.
    pub async fn clear(&self, buffer: Buffer) -> Result<()> {
        if !matches!(buffer, Buffer::Output) {
            self.pending.lock().await.clear();
        }
        self.port.clear(buffer).map_err(|error| self.named(error))
    }

    /// Changes the settings of the open port.
    pub fn configure(&self, settings: Settings) -> Result<()> {
        self.port
            .configure(settings.0)
            .map_err(|error| self.named(error))
    }

    /// Sets the line DTR.
    pub fn set_data_terminal_ready(&self, on: bool) -> Result<()> {
        self.port
            .set_data_terminal_ready(on)
            .map_err(|error| self.named(error))
    }

    /// Sets the line RTS.
    pub fn set_request_to_send(&self, on: bool) -> Result<()> {
        self.port
            .set_request_to_send(on)
            .map_err(|error| self.named(error))
    }

    /// Starts or ends a break condition.
    pub fn set_break(&self, on: bool) -> Result<()> {
        self.port.set_break(on).map_err(|error| self.named(error))
    }

    /// Reads the input lines.
    pub fn lines(&self) -> Result<LineState> {
        self.port.lines().map_err(|error| self.named(error))
    }

    fn named(&self, error: wit::Error) -> Error {
        Error::from(error).context(format!("port {:?}", self.name))
    }
}

/// The bytes that arrive at a port, as a stream.
pub struct Receiver(Lock<Incoming<wit::Error>>);

impl Receiver {
    /// Reads at least one and at most `max` bytes; empty if the stream ended without an error.
    pub async fn read(&self, max: usize) -> Result<Vec<u8>> {
        self.0.lock().await.read(max).await
    }

    /// Exactly `count` bytes.
    pub async fn read_exact(&self, count: usize) -> Result<Vec<u8>> {
        self.0.lock().await.read_exact(count).await
    }

    /// One line of text, without the `\n` or `\r\n` that ends it; an error when that is not among the next
    /// `max` bytes, or the line is not UTF-8.
    pub async fn read_line(&self, max: usize) -> Result<String> {
        framing::line(self.read_until(b'\n', max).await?)
    }

    /// Everything up to and with `byte`; an error when it is not among the next `max` bytes.
    pub async fn read_until(&self, byte: u8, max: usize) -> Result<Vec<u8>> {
        self.0.lock().await.read_until(byte, max).await
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Denied(text) => Self::denied(text),
            wit::Error::NotFound => Self::unavailable("the device is not there"),
            wit::Error::Busy => Self::busy("somebody has the device open"),
            wit::Error::Timeout => Self::unavailable("timed out"),
            wit::Error::Disconnected => Self::unavailable("the device went away"),
            wit::Error::InvalidArgument(text) => Self::invalid_input(text),
            wit::Error::Exhausted(text) => Self::busy(text),
            wit::Error::Other(text) => Self::internal(text),
        }
    }
}
