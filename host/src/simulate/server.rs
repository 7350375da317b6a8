//! A server on loopback, for TCP, UDP and HTTP at one port.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Answers, Behaviour, HOST};
use crate::limits;

/// Most bytes that are heard at once.
const CHUNK: usize = 4096;
/// What an echo says to an HTTP request, whose own words would be none of HTTP.
const HTTP_ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/// A server. Dropping it ends its connections.
#[derive(Debug)]
pub(super) struct Server {
    port: u16,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Starts one; each connection has `answers` of its own.
    ///
    /// # Errors
    /// When no port can be had.
    pub(super) async fn start(answers: impl Fn() -> Answers + Send + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((HOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let datagrams = UdpSocket::bind((HOST, port)).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(answer_datagrams(datagrams, answers()));
        tasks.spawn(answer_connections(listener, answers));
        Ok(Self {
            port,
            _tasks: tasks,
        })
    }

    /// Where it listens.
    pub(super) const fn port(&self) -> u16 {
        self.port
    }
}

async fn answer_connections(listener: TcpListener, answers: impl Fn() -> Answers) {
    let room = Arc::new(Semaphore::new(limits::MAX_SIMULATED_CONNECTIONS));
    // Those that are open end with this task.
    let mut connections = JoinSet::new();
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        let Ok((stream, _peer)) = listener.accept().await else {
            return;
        };
        let answers = answers();
        connections.spawn(async move {
            let _permit = permit;
            // It went away, which is its right.
            let _ = converse(stream, answers).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(mut stream: TcpStream, mut answers: Answers) -> io::Result<()> {
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
