//! TCP, under the grant `sockets`. The standard library's `TcpStream` would stop the whole worker
//! while it waits; this one does not.

use std::net::SocketAddr;

use crate::bindings::wasi::sockets::types::ErrorCode;
use crate::error::{Error, Result};
use crate::framing;
use crate::net::{family, from_wasi, resolve, to_wasi};
use crate::pipe::{Incoming, Outgoing};
use crate::state::Lock;
use crate::sys::StreamReader;
use crate::sys::sockets::TcpSocket;

/// A connection. Dropping it closes it.
///
/// Reading and writing take `&self` and may go on at the same time, so a worker can hold a
/// connection in a field and share it. A read that is dropped half way, by [`timeout`](crate::timeout)
/// for example, loses no bytes.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::tcp::TcpStream;
///
/// async fn ping(server: &str) -> Result<bool> {
///     let peer = TcpStream::connect(server).await?;
///     peer.write_all(b"PING\r\n").await?;
///     Ok(peer.read_until(b'\n', 1024).await? == b"+PONG\r\n")
/// }
/// ```
pub struct TcpStream {
    // Before the socket: a child resource goes first.
    incoming: Lock<Incoming<ErrorCode>>,
    outgoing: Lock<Outgoing<ErrorCode>>,
    socket: TcpSocket,
    /// Asked for at once: a connection that has ended does not know any more.
    peer: Result<SocketAddr>,
}

impl TcpStream {
    /// Connects to `"host:port"`, trying every address that the host has.
    pub async fn connect(address: &str) -> Result<Self> {
        let doing = |error: Error| error.context(format!("connecting to {address}"));
        let mut last = None;
        for candidate in resolve(address).await.map_err(doing)? {
            match Self::connect_one(candidate).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        let last = last.unwrap_or_else(|| Error::unavailable("there is no address to try"));
        Err(doing(last))
    }

    async fn connect_one(address: SocketAddr) -> Result<Self> {
        let socket = TcpSocket::create(family(address))?;
        socket.connect(to_wasi(address)).await?;
        Ok(Self::new(socket))
    }

    fn new(socket: TcpSocket) -> Self {
        let peer = socket
            .get_remote_address()
            .map(from_wasi)
            .map_err(Error::from);
        let (reader, end) = socket.receive();
        let incoming = Lock::new(Incoming::new(reader, Some(end)));
        let outgoing = Lock::new(Outgoing::new(|reader| socket.send(reader)));
        Self {
            incoming,
            outgoing,
            socket,
            peer,
        }
    }

    /// Waits for at least one byte and returns at most `max`; empty at the end.
    pub async fn read(&self, max: usize) -> Result<Vec<u8>> {
        self.incoming.lock().await.read(max).await
    }

    /// Waits for exactly `count` bytes.
    pub async fn read_exact(&self, count: usize) -> Result<Vec<u8>> {
        self.incoming.lock().await.read_exact(count).await
    }

    /// Waits for `byte` and returns everything up to and with it; an error when it is not among
    /// the next `max` bytes.
    pub async fn read_until(&self, byte: u8, max: usize) -> Result<Vec<u8>> {
        self.incoming.lock().await.read_until(byte, max).await
    }

    /// Waits for a line of text and returns it without the `\n` or `\r\n` that ends it; an error when that
    /// is not among the next `max` bytes, or the line is not UTF-8.
    ///
    /// [`timeout`](crate::timeout) limits how long this and any other read waits.
    pub async fn read_line(&self, max: usize) -> Result<String> {
        framing::line(self.read_until(b'\n', max).await?)
    }

    /// Waits for the end and returns everything; an error beyond `max` bytes.
    pub async fn read_to_end(&self, max: usize) -> Result<Vec<u8>> {
        self.incoming.lock().await.read_to_end(max).await
    }

    /// Hands all of `data` to the connection.
    pub async fn write_all(&self, data: &[u8]) -> Result<()> {
        self.outgoing.lock().await.write_all(data).await
    }

    /// Tells the other side that nothing more will come; reading goes on.
    pub async fn shutdown(&self) -> Result<()> {
        self.outgoing.lock().await.finish().await
    }

    /// The address on this side.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok(from_wasi(self.socket.get_local_address()?))
    }

    /// The address on the other side.
    pub fn peer_addr(&self) -> Result<SocketAddr> {
        self.peer.clone()
    }

    /// Sets whether the operating system keeps an idle connection alive.
    pub fn set_keep_alive(&self, on: bool) -> Result<()> {
        Ok(self.socket.set_keep_alive_enabled(on)?)
    }
}

/// A listener, which waits for others to connect.
///
/// ```
/// use external_worker::prelude::*;
/// use external_worker::tcp::TcpListener;
///
/// async fn serve_one(listener: &TcpListener) -> Result<()> {
///     let peer = listener.accept().await?;
///     peer.write_all(b"hello\n").await?;
///     peer.shutdown().await
/// }
/// ```
pub struct TcpListener {
    connections: Lock<StreamReader<TcpSocket>>,
    socket: TcpSocket,
}

impl TcpListener {
    /// Listens at `"host:port"`; port 0 lets the operating system choose.
    pub async fn bind(address: &str) -> Result<Self> {
        let doing = |error: Error| error.context(format!("listening at {address}"));
        let addresses = resolve(address).await.map_err(doing)?;
        let address = *addresses
            .first()
            .ok_or("there is no address to listen at")?;
        Self::bind_one(address).map_err(|error| doing(error.into()))
    }

    fn bind_one(address: SocketAddr) -> Result<Self, ErrorCode> {
        let socket = TcpSocket::create(family(address))?;
        socket.bind(to_wasi(address))?;
        let connections = Lock::new(socket.listen()?);
        Ok(Self {
            connections,
            socket,
        })
    }

    /// Waits for the next connection.
    pub async fn accept(&self) -> Result<TcpStream> {
        let mut connections = self.connections.lock().await;
        let socket = connections.next().await;
        socket
            .map(TcpStream::new)
            .ok_or_else(|| Error::unavailable("the listener has ended"))
    }

    /// The address that it listens at.
    pub fn local_addr(&self) -> Result<SocketAddr> {
        Ok(from_wasi(self.socket.get_local_address()?))
    }
}
