//! Attacks by who comes over the network: handshakes, websocket frames and messages that no honest client
//! sends. A client that does nothing wrong has to be served meanwhile and afterwards.

use std::net::SocketAddr;
use std::time::Duration;

use external_worker_host::limits::{MAX_CLIENTS, MAX_FRAME_BYTES};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::network::serving;
use crate::scene::Scene;
use crate::table::{Row, made};

/// How long a server that will not answer is listened to.
const QUIET: Duration = Duration::from_secs(1);
pub const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
const CLOSE: u8 = 8;
pub const PING: u8 = 9;

/// The rows of this group.
pub fn rows() -> Vec<Row> {
    let mut rows = vec![
        made(
            "client/handshake_never",
            "Begins a handshake and never ends it.",
            "nothing; served",
            |scene| {
                raw(
                    scene,
                    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: web".to_vec(),
                )
            },
        ),
        made(
            "client/handshake_headers",
            "Sends headers without end.",
            "HTTP/1.1 431 *; served",
            |scene| raw(scene, handshake(&"x-more: 1\r\n".repeat(100_000))),
        ),
        made(
            "client/handshake_garbage",
            "Sends what is no HTTP.",
            "HTTP/1.1 400 *; served",
            |scene| raw(scene, b"\x1b]0;owned\x07\0\xff\r\n\r\n".repeat(1000)),
        ),
        made(
            "client/handshake_without_key",
            "Asks for a websocket without its key.",
            "HTTP/1.1 400 *; served",
            |scene| {
                let head = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\n\
                            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n";
                raw(scene, head.as_bytes().to_vec())
            },
        ),
        made(
            "client/connections",
            "Connects more often than there are places for clients, and says nothing.",
            "*; served",
            connections,
        ),
        made(
            "client/reads_nothing",
            "Asks for its whole state ten thousand times and reads none of it.",
            "taken; served | full; served",
            |scene| {
                let ask = frame(FIN | TEXT, br#"{"type":"cmd","cmd":"full_state","id":"1"}"#);
                deaf(scene, ask.repeat(10_000))
            },
        ),
    ];
    rows.extend([
        sent(
            "client/frame_unmasked",
            "Sends a frame without its mask.",
            "gone; served",
            || [&[FIN | TEXT, 2][..], b"{}"].concat(),
        ),
        sent(
            "client/frame_reserved_bits",
            "Sets the bits of extensions that nobody agreed on.",
            "gone; served",
            || frame(FIN | 0x70 | TEXT, b"{}"),
        ),
        sent(
            "client/frame_reserved_kind",
            "Sends a frame of a kind that there is not.",
            "gone; served",
            || frame(FIN | 3, b"{}"),
        ),
        sent(
            "client/frame_control_long",
            "Sends a ping with more than fits into one.",
            "gone; served",
            || frame(FIN | PING, &[0; 126]),
        ),
        sent(
            "client/frame_control_in_parts",
            "Sends a ping in parts.",
            "gone; served",
            || frame(PING, b"x"),
        ),
        sent(
            "client/frame_continues_nothing",
            "Goes on with a message that it did not begin.",
            "gone; served",
            || frame(FIN | CONTINUATION, b"{}"),
        ),
        sent(
            "client/frame_not_utf8",
            "Sends a text that is none.",
            "closed 1007; served",
            || frame(FIN | TEXT, b"\xc0\xaf\xff"),
        ),
        sent(
            "client/frame_claims_all",
            "Claims a frame of all the memory that there can be.",
            "closed 1009; served",
            || head(FIN | TEXT, u64::MAX >> 1),
        ),
        sent(
            "client/frame_claims_most",
            "Claims the largest frame that is taken, and sends nothing of it.",
            "nothing; served",
            || head(FIN | TEXT, MAX_FRAME_BYTES as u64),
        ),
        sent(
            "client/frame_in_pieces",
            "Sends a message in a hundred thousand pieces that never end.",
            "nothing; served",
            || [frame(TEXT, b"{"), frame(CONTINUATION, b"").repeat(100_000)].concat(),
        ),
        sent(
            "client/frame_close_garbage",
            "Says goodbye with half a code.",
            "gone; served",
            || frame(FIN | CLOSE, b"\x03"),
        ),
        sent(
            "client/ping_flood",
            "Pings fifty thousand times.",
            "*; served",
            || frame(FIN | PING, &[b'x'; 125]).repeat(50_000),
        ),
        sent(
            "client/frame_after_close",
            "Goes on after its goodbye.",
            "closed 1000; served",
            || {
                let goodbye = frame(FIN | CLOSE, b"\x03\xe8");
                [goodbye, frame(FIN | TEXT, b"{}").repeat(1000)].concat()
            },
        ),
    ]);
    rows
}

/// Bytes that are sent over a websocket.
fn sent(
    attack: &'static str,
    tries: &'static str,
    expected: &'static str,
    bytes: fn() -> Vec<u8>,
) -> Row {
    made(attack, tries, expected, move |scene| open(scene, bytes()))
}

/// The request for a websocket, with more headers.
pub fn handshake(more: &str) -> Vec<u8> {
    let head = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    );
    head.into_bytes()
}

/// The head of a masked frame that says that it has `length` bytes.
pub fn head(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match length {
        0..126 => head.push(0x80 | length as u8),
        126..0x1_0000 => {
            head.push(0x80 | 126);
            head.extend((length as u16).to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend(length.to_be_bytes());
        }
    }
    // A mask that changes nothing.
    head.extend([0; 4]);
    head
}

/// A masked frame.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, payload.len() as u64);
    frame.extend(payload);
    frame
}

/// A websocket to the server.
async fn connect(at: SocketAddr) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(at).await.ok()?;
    stream.write_all(&handshake("")).await.ok()?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.ok()?);
    }
    answer.starts_with(b"HTTP/1.1 101").then_some(stream)
}

/// The next frame of the server: its kind and what is in it.
async fn next(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let first = stream.read_u8().await.ok()?;
    let length = match stream.read_u8().await.ok()? {
        126 => u64::from(stream.read_u16().await.ok()?),
        127 => stream.read_u64().await.ok()?,
        short => u64::from(short),
    };
    let mut payload = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut payload).await.ok()?;
    Some((first & 0x0f, payload))
}

/// Whether somebody honest is answered, who comes again as long as there is no place.
async fn served(at: SocketAddr) -> &'static str {
    let ask = async {
        loop {
            if let Some(stream) = connect(at).await {
                return is_answered(stream).await;
            }
        }
    };
    match timeout(Duration::from_secs(5), ask).await {
        Ok(true) => "served",
        Ok(false) => "not served",
        Err(_) => "not answered",
    }
}

async fn is_answered(mut stream: TcpStream) -> bool {
    let ping = frame(FIN | TEXT, br#"{"type":"ping"}"#);
    if stream.write_all(&ping).await.is_err() {
        return false;
    }
    while let Some((kind, answer)) = next(&mut stream).await {
        if kind == TEXT && answer.starts_with(br#"{"type":"pong""#) {
            return true;
        }
    }
    false
}

/// Sends `bytes` as they are, from the first on.
async fn raw(scene: Scene, bytes: Vec<u8>) -> String {
    serving(&scene, async |at| {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let (mut from, mut to) = stream.split();
        let mut answer = vec![0; 64];
        // Who is refused early may not send the rest.
        let (_, read) = tokio::join!(to.write_all(&bytes), timeout(QUIET, from.read(&mut answer)));
        let said = match read {
            Ok(Ok(0)) => "closed".to_owned(),
            Ok(Ok(length)) => {
                let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
                answer.lines().next().unwrap_or_default().to_owned()
            }
            Ok(Err(_)) => "gone".to_owned(),
            Err(_) => "nothing".to_owned(),
        };
        format!("{said}; {}", served(at).await)
    })
    .await
}

/// Sends `bytes` over a websocket, and listens to what comes of it.
async fn open(scene: Scene, bytes: Vec<u8>) -> String {
    serving(&scene, async |at| {
        let mut stream = connect(at).await.unwrap();
        // What comes back is not read before all is sent: a server may not wait for that, either.
        let _ = timeout(Duration::from_secs(5), stream.write_all(&bytes)).await;
        let said = told(&mut stream).await;
        format!("{said}; {}", served(at).await)
    })
    .await
}

/// How the server ends the connection, if it does.
async fn told(stream: &mut TcpStream) -> String {
    loop {
        match timeout(QUIET, next(stream)).await {
            Err(_) => return "nothing".to_owned(),
            Ok(None) => return "gone".to_owned(),
            Ok(Some((CLOSE, payload))) => {
                let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                return format!("closed {}", code.unwrap_or_default());
            }
            Ok(Some(_)) => {}
        }
    }
}

/// Sends `bytes` over a websocket as long as they are taken, and reads nothing.
async fn deaf(scene: Scene, bytes: Vec<u8>) -> String {
    serving(&scene, async |at| {
        let mut stream = connect(at).await.unwrap();
        let sent = timeout(Duration::from_secs(5), stream.write_all(&bytes)).await;
        let said = match sent {
            Ok(Ok(())) => "taken",
            Ok(Err(_)) => "gone",
            Err(_) => "full",
        };
        format!("{said}; {}", served(at).await)
    })
    .await
}

/// More clients than there are places for.
async fn connections(scene: Scene) -> String {
    serving(&scene, async |at| {
        let mut open = Vec::new();
        let mut refused = 0;
        for _ in 0..MAX_CLIENTS + 10 {
            match timeout(QUIET, connect(at)).await {
                Ok(Some(stream)) => open.push(stream),
                _ => refused += 1,
            }
        }
        let said = format!("{} in, {refused} not", open.len());
        drop(open);
        format!("{said}; {}", served(at).await)
    })
    .await
}
