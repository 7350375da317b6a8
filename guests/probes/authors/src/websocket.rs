//! A stream of messages that comes over a websocket from a host that is written into the code. It connects again,
//! after a pause that grows to a minute.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use external_worker::prelude::*;
use external_worker::tcp::TcpStream;
use external_worker::timeout;

const HOST: &str = "stream.example.com:8080";
const MAX_LINE: usize = 8 * 1024;
const MAX_MESSAGE: usize = 64 * 1024;
const KEPT: usize = 100;

/// The stream.
#[derive(Default)]
pub struct Websocket {
    socket: Lock<Option<TcpStream>>,
    failures: State<u32>,
    messages: State<VecDeque<String>>,
}

#[external_worker(id = "websocket", title = "Stream")]
impl Websocket {
    /// Takes in one message.
    async fn r#loop(&self) -> Result<()> {
        let mut slot = self.socket.lock().await;
        let received = timeout(Duration::from_secs(30), receive(&mut slot)).await;
        let failures = match &received {
            Ok(_) => 0,
            Err(_) => self.failures.get().saturating_add(1),
        };
        self.failures.set(failures);
        let pause = Duration::from_secs(1 << failures.min(6)).min(Duration::from_secs(60));
        self.set_loop_delay(if failures == 0 { Duration::ZERO } else { pause });
        let message = match received {
            Ok(message) => message,
            Err(error) => {
                *slot = None;
                return Err(error);
            }
        };
        self.messages.update(|messages| {
            messages.truncate(KEPT - 1);
            messages.push_front(message);
        });
        Ok(())
    }

    async fn stop(&self) {
        *self.socket.lock().await = None;
    }

    /// The last messages, newest first.
    #[node(trigger_on_call = false)]
    fn messages(&self) -> Vec<String> {
        self.messages
            .with(|messages| messages.iter().cloned().collect())
    }

    /// The newest message, and when it was asked for, in seconds since 1970.
    #[node(trigger_on_call = false)]
    fn newest(&self) -> Result<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now
            .map_err(|_| Error::internal("it is before 1970"))?
            .as_secs();
        let newest = self.messages.with(|messages| messages.front().cloned());
        Ok(format!("{now}: {}", newest.unwrap_or_default()))
    }

    /// Whether it is connected.
    #[node(trigger_on_call = false)]
    fn connected(&self) -> bool {
        self.failures.get() == 0
    }
}

async fn receive(slot: &mut Option<TcpStream>) -> Result<String> {
    if slot.is_none() {
        *slot = Some(connect().await?);
    }
    let Some(socket) = slot else {
        return Err(Error::unavailable("there is no connection"));
    };
    loop {
        let head = socket.read_exact(2).await?;
        let [first, second] = [head[0], head[1]];
        let length = match second & 0x7f {
            126 => {
                let length = socket.read_exact(2).await?;
                usize::from(u16::from_be_bytes([length[0], length[1]]))
            }
            127 => return Err(Error::unavailable("a message is too long")),
            length => usize::from(length),
        };
        if second & 0x80 != 0 || length > MAX_MESSAGE {
            return Err(Error::unavailable("a server does not send such frames"));
        }
        let payload = socket.read_exact(length).await?;
        match first {
            0x81 => {
                return String::from_utf8(payload)
                    .map_err(|_| Error::unavailable("a message is not a text"));
            }
            0x89 => socket.write_all(&[0x8a, 0x80, 0, 0, 0, 0]).await?,
            _ => return Err(Error::unavailable("the stream has ended")),
        }
    }
}

async fn connect() -> Result<TcpStream> {
    let socket = TcpStream::connect(HOST).await?;
    let request = format!(
        "GET /messages HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await?;
    let answer = socket.read_until(b'\n', MAX_LINE).await?;
    if !answer.starts_with(b"HTTP/1.1 101") {
        return Err(Error::unavailable("the server does not speak websocket"));
    }
    while socket.read_until(b'\n', MAX_LINE).await? != b"\r\n" {}
    Ok(socket)
}
