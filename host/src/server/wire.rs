//! The bytes of one connection: what is sent has to be taken at a rate, whatever is sent. Whoever takes
//! less is cut off, and with it goes what waits for it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::door::Visit;
use crate::limits;

/// A TCP connection, and its place at the door.
#[derive(Debug)]
pub struct Wire {
    tcp: TcpStream,
    visit: Arc<Visit>,
    /// How long it may take nothing.
    stall: Duration,
    /// Until when some of what waits has to be taken; nothing waits: none.
    deadline: Option<Instant>,
    sleep: Pin<Box<Sleep>>,
}

impl Wire {
    /// `tcp`, which `visit` came on.
    pub fn new(tcp: TcpStream, visit: Arc<Visit>) -> Self {
        Self {
            tcp,
            visit,
            stall: limits::CLIENT_STALL,
            deadline: None,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
        }
    }

    /// Bytes were taken: there is more time for the rest, as much as they are worth.
    fn taken(&mut self, bytes: usize) {
        if let Some(deadline) = &mut self.deadline {
            let nanos = (bytes as u64).saturating_mul(1_000_000_000);
            let worth = Duration::from_nanos(nanos / limits::CLIENT_BYTES_PER_SECOND);
            *deadline = (*deadline + worth).min(Instant::now() + self.stall);
        }
    }

    fn written(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.taken(bytes);
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let patience = Instant::now() + self.stall;
                let deadline = *self.deadline.get_or_insert(patience);
                self.sleep.as_mut().reset(deadline);
                ready!(self.sleep.as_mut().poll(cx));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.tcp).poll_read(cx, buffer);
        self.visit.note_silence(read.is_pending());
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(cx, bytes);
        self.written(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write_vectored(cx, parts);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    /// Asked for when everything was written: nothing waits any more.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.deadline = None;
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::super::door::Door;
    use super::*;

    async fn connected() -> (Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = TcpStream::connect(listener.local_addr().unwrap());
        let (accepted, there) = tokio::join!(listener.accept(), there);
        let (tcp, peer) = accepted.unwrap();
        let visit = Arc::<Door>::default().enter(peer.ip());
        (Wire::new(tcp, Arc::new(visit)), there.unwrap())
    }

    #[tokio::test]
    async fn who_takes_nothing_is_cut_off_after_a_while() {
        let (mut wire, _there) = connected().await;
        wire.stall = Duration::from_millis(50);
        let begun = Instant::now();
        let error = wire.write_all(&vec![0; 64 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= wire.stall);
    }

    #[tokio::test]
    async fn who_takes_less_than_the_rate_is_cut_off_too() {
        let (mut wire, mut there) = connected().await;
        wire.stall = Duration::from_millis(200);
        let trickle = tokio::spawn(async move {
            let mut some = [0; 1024];
            while there.read_exact(&mut some).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let error = wire.write_all(&vec![0; 256 << 20]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        trickle.abort();
    }

    #[tokio::test]
    async fn who_takes_it_gets_all_of_it() {
        let (mut wire, mut there) = connected().await;
        let bytes = vec![7; 16 << 20];
        let sending = async {
            wire.write_all(&bytes).await.unwrap();
            wire.flush().await.unwrap();
            wire.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let (_, read) = tokio::join!(sending, there.read_to_end(&mut got));
        read.unwrap();
        assert!(got == bytes);
        assert_eq!(wire.deadline, None);
    }
}
