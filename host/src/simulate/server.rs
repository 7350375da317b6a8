//! A server on loopback, for TCP and UDP at one port of each family of addresses, and for HTTP without one.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::Semaphore;

use super::{Answers, Behaviour};
use crate::executor::Executor;
use crate::limits;

/// Most bytes that are heard at once.
const CHUNK: usize = 4096;
/// What an echo says to an HTTP request, whose own words would be none of HTTP.
const HTTP_ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/// Most bytes that are on their way in one direction of a connection without a socket.
const BUFFER: usize = 64 * 1024;

/// How each conversation begins.
type Begin = Arc<dyn Fn() -> Answers + Send + Sync>;

/// A server, for as long as its executor runs.
pub(super) struct Server {
    v4: SocketAddr,
    /// Machines without IPv6 have none.
    v6: Option<SocketAddr>,
    begin: Begin,
    executor: Executor,
    room: Arc<Semaphore>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("v4", &self.v4)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Starts one; each conversation begins with `answers` of its own.
    ///
    /// # Errors
    /// When no port can be had.
    pub(super) async fn start(
        executor: &Executor,
        answers: impl Fn() -> Answers + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let begin: Begin = Arc::new(answers);
        let room = Arc::new(Semaphore::new(limits::MAX_SIMULATED_CONNECTIONS));
        let v4 = listen(Ipv4Addr::LOCALHOST.into(), executor, &begin, &room).await?;
        let v6 = listen(Ipv6Addr::LOCALHOST.into(), executor, &begin, &room).await;
        Ok(Self {
            v4,
            v6: v6.ok(),
            begin,
            executor: executor.clone(),
            room,
        })
    }

    /// Where it listens for who has a socket of the family of `asked`.
    pub(super) fn address(&self, asked: SocketAddr) -> Option<SocketAddr> {
        match asked {
            SocketAddr::V4(_) => Some(self.v4),
            SocketAddr::V6(_) => self.v6,
        }
    }

    /// A connection that needs no socket.
    pub(super) fn connect(&self) -> DuplexStream {
        let (near, far) = tokio::io::duplex(BUFFER);
        if let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() {
            let answers = (self.begin)();
            drop(self.executor.spawn(async move {
                let _permit = permit;
                // It went away, which is its right.
                let _ = converse(far, answers).await;
            }));
        }
        near
    }
}

/// Listens at one port of `host`, for TCP and for UDP.
async fn listen(
    host: IpAddr,
    executor: &Executor,
    begin: &Begin,
    room: &Arc<Semaphore>,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((host, 0)).await?;
    let address = listener.local_addr()?;
    let datagrams = UdpSocket::bind(address).await?;
    drop(executor.spawn(answer_datagrams(datagrams, begin())));
    let (begin, room) = (Arc::clone(begin), Arc::clone(room));
    let connections = answer_connections(listener, begin, room, executor.clone());
    drop(executor.spawn(connections));
    Ok(address)
}

async fn answer_connections(
    listener: TcpListener,
    begin: Begin,
    room: Arc<Semaphore>,
    executor: Executor,
) {
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        let Ok((stream, _peer)) = listener.accept().await else {
            return;
        };
        let answers = begin();
        drop(executor.spawn(async move {
            let _permit = permit;
            let _ = converse(stream, answers).await;
        }));
    }
}

async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    mut answers: Answers,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = stream.read(&mut chunk).await?;
        let heard = chunk.get(..length).unwrap_or_default();
        if heard.is_empty() {
            return Ok(());
        }
        if answers.behaviour == Behaviour::Echo && is_http(heard) {
            stream.write_all(HTTP_ANSWER).await?;
            continue;
        }
        let Some(said) = answers.to(heard) else {
            return Ok(());
        };
        stream.write_all(&said).await?;
    }
}

/// Whether these are the first bytes of an HTTP request.
fn is_http(heard: &[u8]) -> bool {
    let first = heard
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    first.trim_ascii_end().ends_with(b"HTTP/1.1")
}

async fn answer_datagrams(socket: UdpSocket, mut answers: Answers) {
    let mut chunk = vec![0; CHUNK];
    while let Ok((length, peer)) = socket.recv_from(&mut chunk).await {
        let heard = chunk.get(..length).unwrap_or_default();
        if let Some(said) = answers.to(heard) {
            let _ = socket.send_to(&said, peer).await;
        }
    }
}
