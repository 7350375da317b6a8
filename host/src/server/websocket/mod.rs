//! The frames of one websocket. How they look on the wire is tungstenite's; what is held of them is
//! decided here, which no library leaves to its users: a message takes memory as it comes, not as it is
//! announced, it has to come at a rate, and nothing is answered behind the back of who bounds answers.
//!
//! Libraries reserve what a frame announces, and answer pings by themselves.

use std::io::{self, Cursor};
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::arrival::{Arrival, Arrivals, Late};
use crate::limits;

/// Longest payload of a control frame.
const MAX_CONTROL_BYTES: u64 = 125;
/// What is read of a connection at a time.
const READ_BYTES: usize = 16 * 1024;
/// Small messages are sent together, as many as fit.
const WRITE_BYTES: usize = 16 * 1024;

/// What a client sent.
#[derive(Debug)]
pub enum Received {
    /// A text, and what holds it.
    Text(String, Arrival),
    /// A text with more than [`limits::MAX_MESSAGE_BYTES`], of which nothing is left.
    LongText,
    /// A message of bytes, of which nothing is left.
    Binary,
    /// A ping.
    Ping(Bytes),
    /// A pong.
    Pong,
    /// The goodbye, and its code.
    Close(Option<u16>),
}

/// Why a client cannot be read on.
#[derive(Debug)]
pub enum Broken {
    /// It is gone, or does not speak the protocol.
    Gone,
    /// A message has more than [`limits::MAX_FRAME_BYTES`].
    TooLong,
    /// A text is not UTF-8.
    NotText,
    /// A message does not come, or there is no room for it.
    Late(Late),
}

impl From<io::Error> for Broken {
    fn from(_gone: io::Error) -> Self {
        Self::Gone
    }
}

impl From<tungstenite::Error> for Broken {
    fn from(_malformed: tungstenite::Error) -> Self {
        Self::Gone
    }
}

impl From<Late> for Broken {
    fn from(late: Late) -> Self {
        Self::Late(late)
    }
}

/// What a client sends.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    /// Read and not used: from `used` on.
    buffer: Vec<u8>,
    used: usize,
    arrivals: Arc<Arrivals>,
    arrival: Option<Arrival>,
    message: Option<Partial>,
}

/// A message of which the end has not come.
#[derive(Debug)]
struct Partial {
    is_text: bool,
    /// How much came; what is too much is not kept.
    length: u64,
    payload: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// The websocket that is read from `from`, of which `buffer` is read already.
    pub fn new(from: R, buffer: Vec<u8>, arrivals: Arc<Arrivals>) -> Self {
        Self {
            from,
            buffer,
            used: 0,
            arrivals,
            arrival: None,
            message: None,
        }
    }

    /// The next message. Pings and goodbyes are not answered.
    ///
    /// # Errors
    /// [`Broken`]; then it is over.
    pub async fn next(&mut self) -> Result<Received, Broken> {
        loop {
            let (header, length) = self.header().await?;
            let is_plain = !(header.rsv1 || header.rsv2 || header.rsv3);
            // Nobody agreed on extensions, and clients mask what they send.
            let mask = header.mask.filter(|_| is_plain).ok_or(Broken::Gone)?;
            match header.opcode {
                OpCode::Control(kind) => {
                    if !header.is_final || length > MAX_CONTROL_BYTES {
                        return Err(Broken::Gone);
                    }
                    let payload = self.control(mask, length).await?;
                    if self.message.is_none() {
                        self.arrival = None;
                    }
                    return control(kind, payload);
                }
                OpCode::Data(kind) => {
                    self.begin(kind)?;
                    self.payload(mask, length).await?;
                    if header.is_final {
                        return self.complete();
                    }
                }
            }
        }
    }

    async fn header(&mut self) -> Result<(FrameHeader, u64), Broken> {
        loop {
            let mut cursor = Cursor::new(self.unused());
            if let Some(header) = FrameHeader::parse(&mut cursor)? {
                self.used = self
                    .used
                    .saturating_add(usize::try_from(cursor.position()).unwrap_or(usize::MAX));
                return Ok(header);
            }
            self.fill().await?;
        }
    }

    fn unused(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    /// Reads more. Between messages a client may say nothing as long as it likes.
    async fn fill(&mut self) -> Result<(), Broken> {
        self.buffer.drain(..self.used.min(self.buffer.len()));
        self.used = 0;
        self.buffer.reserve(READ_BYTES);
        let reading = self.from.read_buf(&mut self.buffer);
        let is_between = self.message.is_none() && self.arrival.is_none();
        let read = match &self.arrival {
            Some(arrival) => arrival.next(reading).await??,
            None => reading.await?,
        };
        if read == 0 {
            return Err(Broken::Gone);
        }
        if is_between {
            self.arrival = Some(self.arrivals.begin());
        }
        Ok(())
    }

    /// Reads on, and nothing of it matters any more, until the client closes the connection.
    pub async fn drain(&mut self) {
        loop {
            self.buffer.clear();
            match self.from.read_buf(&mut self.buffer).await {
                Ok(read) if read > 0 => {}
                _ => return,
            }
        }
    }

    async fn control(&mut self, mask: [u8; 4], length: u64) -> Result<Bytes, Broken> {
        let length = usize::try_from(length).map_err(|_| Broken::Gone)?;
        while self.unused().len() < length {
            self.fill().await?;
        }
        let mut payload = self.unused().get(..length).unwrap_or_default().to_vec();
        self.used = self.used.saturating_add(length);
        unmask(&mut payload, mask, 0);
        Ok(payload.into())
    }

    fn begin(&mut self, kind: Data) -> Result<(), Broken> {
        let is_text = match (kind, &self.message) {
            (Data::Continue, Some(_)) => return Ok(()),
            (Data::Text, None) => true,
            (Data::Binary, None) => false,
            _ => return Err(Broken::Gone),
        };
        self.arrival.get_or_insert_with(|| self.arrivals.begin());
        self.message = Some(Partial {
            is_text,
            length: 0,
            payload: Vec::new(),
        });
        Ok(())
    }

    /// The payload of one frame of a message.
    async fn payload(&mut self, mask: [u8; 4], length: u64) -> Result<(), Broken> {
        let Some(message) = &mut self.message else {
            return Err(Broken::Gone);
        };
        message.length = message.length.saturating_add(length);
        if message.length > limits::MAX_FRAME_BYTES as u64 {
            return Err(Broken::TooLong);
        }
        let mut left = usize::try_from(length).map_err(|_| Broken::TooLong)?;
        let mut at = 0;
        while left > 0 {
            if self.unused().is_empty() {
                self.fill().await?;
            }
            let count = left.min(self.unused().len());
            left -= count;
            self.keep(count, left)?;
            unmask(self.newest(count), mask, at);
            at = at.wrapping_add(count);
        }
        Ok(())
    }

    /// Moves `count` bytes to the message; `left` more are announced.
    fn keep(&mut self, count: usize, left: usize) -> Result<(), Broken> {
        let (Some(message), Some(arrival)) = (&mut self.message, &mut self.arrival) else {
            return Err(Broken::Gone);
        };
        arrival.came(count);
        let is_kept = message.is_text && message.length <= limits::MAX_MESSAGE_BYTES as u64;
        let payload = &mut message.payload;
        if is_kept {
            let wanted = payload.len().saturating_add(count);
            if wanted > payload.capacity() {
                let whole = wanted.saturating_add(left);
                let room = wanted.max(payload.capacity().saturating_mul(2).min(whole));
                if room > limits::SMALL_MESSAGE_BYTES {
                    arrival.hold(room)?;
                }
                payload.reserve_exact(room.saturating_sub(payload.len()));
            }
            let end = self.used.saturating_add(count);
            payload.extend_from_slice(self.buffer.get(self.used..end).unwrap_or_default());
        } else if payload.capacity() > 0 {
            *payload = Vec::new();
        }
        self.used = self.used.saturating_add(count);
        Ok(())
    }

    /// The last `count` bytes of the message, as far as it is kept.
    fn newest(&mut self, count: usize) -> &mut [u8] {
        let Some(message) = &mut self.message else {
            return &mut [];
        };
        let start = message.payload.len().saturating_sub(count);
        message.payload.get_mut(start..).unwrap_or_default()
    }

    fn complete(&mut self) -> Result<Received, Broken> {
        let (Some(message), Some(mut arrival)) = (self.message.take(), self.arrival.take()) else {
            return Err(Broken::Gone);
        };
        if !message.is_text {
            return Ok(Received::Binary);
        }
        if message.length > limits::MAX_MESSAGE_BYTES as u64 {
            return Ok(Received::LongText);
        }
        arrival.set_whole();
        let text = String::from_utf8(message.payload).map_err(|_| Broken::NotText)?;
        Ok(Received::Text(text, arrival))
    }
}

fn control(kind: Control, payload: Bytes) -> Result<Received, Broken> {
    match kind {
        Control::Ping => Ok(Received::Ping(payload)),
        Control::Pong => Ok(Received::Pong),
        // A code has two bytes, what follows is text.
        Control::Close => match payload.split_first_chunk() {
            None if !payload.is_empty() => Err(Broken::Gone),
            None => Ok(Received::Close(None)),
            Some((_, why)) if std::str::from_utf8(why).is_err() => Err(Broken::Gone),
            Some((code, _)) => Ok(Received::Close(Some(u16::from_be_bytes(*code)))),
        },
        Control::Reserved(_) => Err(Broken::Gone),
    }
}

/// Takes the mask off `bytes`, which are the frame's from `at` on.
fn unmask(bytes: &mut [u8], mask: [u8; 4], at: usize) {
    let mut mask = mask;
    mask.rotate_left(at % 4);
    for four in bytes.chunks_mut(4) {
        for (byte, key) in four.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
}

/// What a client is sent.
#[derive(Debug)]
pub struct Writer<W> {
    to: W,
    /// Not written yet.
    small: Vec<u8>,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// The websocket that is written to `to`.
    pub fn new(to: W) -> Self {
        Self {
            to,
            small: Vec::new(),
        }
    }

    /// Sends `message`, at the latest with the next [`Self::flush`].
    ///
    /// # Errors
    /// When the client is gone, or takes too little.
    pub async fn feed(&mut self, message: Message) -> io::Result<()> {
        match message {
            Message::Text(text) => self.frame(OpCode::Data(Data::Text), text.as_bytes()).await,
            Message::Binary(bytes) => self.frame(OpCode::Data(Data::Binary), &bytes).await,
            Message::Ping(bytes) => self.frame(OpCode::Control(Control::Ping), &bytes).await,
            Message::Pong(bytes) => self.frame(OpCode::Control(Control::Pong), &bytes).await,
            Message::Close(why) => {
                let payload = why.map_or_else(Vec::new, goodbye);
                self.frame(OpCode::Control(Control::Close), &payload).await
            }
        }
    }

    async fn frame(&mut self, opcode: OpCode, payload: &[u8]) -> io::Result<()> {
        let header = FrameHeader {
            opcode,
            ..FrameHeader::default()
        };
        let length = payload.len() as u64;
        let formatted = header.format(length, &mut self.small);
        formatted.map_err(io::Error::other)?;
        if payload.len() < WRITE_BYTES {
            self.small.extend_from_slice(payload);
            if self.small.len() < WRITE_BYTES {
                return Ok(());
            }
            return self.write().await;
        }
        self.write().await?;
        self.to.write_all(payload).await
    }

    async fn write(&mut self) -> io::Result<()> {
        self.to.write_all(&self.small).await?;
        self.small.clear();
        Ok(())
    }

    /// Sends everything.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub async fn flush(&mut self) -> io::Result<()> {
        self.write().await?;
        self.to.flush().await
    }

    /// Sends everything, and that there will be no more.
    ///
    /// # Errors
    /// As [`Self::feed`].
    pub async fn end(&mut self) -> io::Result<()> {
        self.flush().await?;
        self.to.shutdown().await
    }
}

fn goodbye(why: CloseFrame) -> Vec<u8> {
    let mut payload = why.code.to_be_bytes().to_vec();
    payload.extend_from_slice(why.reason.as_bytes());
    payload.truncate(MAX_CONTROL_BYTES as usize);
    payload
}

/// A reason to close with; short enough for a control frame.
pub fn close(code: u16, reason: &'static str) -> CloseFrame {
    CloseFrame {
        code,
        reason: Utf8Bytes::from_static(reason),
    }
}

#[cfg(test)]
mod tests;
