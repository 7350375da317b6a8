//! The door of a Worker that cannot be opened: who comes is told that it is down.
//!
//! Where others are served in the same process, one Worker that cannot be opened does not end them: it
//! is tried again, and meanwhile its port answers 503 and the reason.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Bound;
use crate::limits::{MAX_TURNED_AWAY, TURN_AWAY_TIMEOUT};

/// The pause after the machine gave no connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What is read of a request before it is answered whatever it is.
const HEAD_BYTES: usize = 16 * 1024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

impl Bound {
    /// Answers everybody with `sentence`, which is for strangers, and the status 503.
    pub async fn turn_away(&self, sentence: &str) -> Infallible {
        let answer: Arc<str> = format!(
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Cache-Control: no-store\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{sentence}",
            sentence.len()
        )
        .into();
        let places = Arc::new(Semaphore::new(MAX_TURNED_AWAY));
        loop {
            let place = Arc::clone(&places).acquire_owned().await;
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let answer = Arc::clone(&answer);
                    tokio::spawn(async move {
                        // Who is gone needs no answer.
                        let _ = timeout(TURN_AWAY_TIMEOUT, tell(stream, &answer)).await;
                        drop(place);
                    });
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}

async fn tell(mut stream: TcpStream, answer: &str) -> io::Result<()> {
    // What is not read when the connection closes would reset it before the answer is there.
    let mut head = Vec::new();
    while head.len() < HEAD_BYTES && !head.windows(END_OF_HEAD.len()).any(|it| it == END_OF_HEAD) {
        if stream.read_buf(&mut head).await? == 0 {
            break;
        }
    }
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
