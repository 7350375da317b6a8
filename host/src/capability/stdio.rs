//! What a guest prints: cut into lines, made harmless, and handed to the instance's log.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi_io::bytes::Bytes;

use crate::limits::MAX_PRINTED_LINE_BYTES;
use crate::text;

/// Which of the two streams a line was printed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdio {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// Takes the lines that an instance prints; it keeps the log's budget.
pub trait LineSink: Send + Sync {
    /// One line, without its end, free of control characters, of bounded length.
    fn line(&self, stream: Stdio, line: &str);
}

/// One output stream of an instance. Clones write to the same line.
#[derive(Clone)]
pub(super) struct Printer {
    line: Arc<Mutex<Line>>,
}

struct Line {
    stream: Stdio,
    sink: Arc<dyn LineSink>,
    bytes: Vec<u8>,
    cut: bool,
}

impl Printer {
    pub(super) fn new(stream: Stdio, sink: Arc<dyn LineSink>) -> Self {
        let line = Line {
            stream,
            sink,
            bytes: Vec::new(),
            cut: false,
        };
        Self {
            line: Arc::new(Mutex::new(line)),
        }
    }

    fn print(&self, bytes: &[u8]) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let mut parts = bytes.split(|byte| *byte == b'\n');
        if let Some(first) = parts.next() {
            line.push(first);
        }
        for part in parts {
            line.end();
            line.push(part);
        }
    }
}

impl Line {
    fn push(&mut self, bytes: &[u8]) {
        let room = MAX_PRINTED_LINE_BYTES.saturating_sub(self.bytes.len());
        self.cut |= bytes.len() > room;
        self.bytes.extend(bytes.iter().take(room));
    }

    fn end(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(&bytes);
        let mut text = text::spelled(&String::from_utf8_lossy(bytes), MAX_PRINTED_LINE_BYTES);
        if std::mem::take(&mut self.cut) {
            text.push('…');
        }
        self.sink.line(self.stream, &text);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            self.end();
        }
    }
}

impl IsTerminal for Printer {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printer {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Printer {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.print(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[async_trait]
impl Pollable for Printer {
    async fn ready(&mut self) {}
}

impl OutputStream for Printer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.print(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_PRINTED_LINE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Lines;
    use super::*;

    fn printed(writes: &[&[u8]]) -> Vec<String> {
        let lines = Arc::new(Lines::default());
        let printer = Printer::new(Stdio::Out, lines.clone());
        for bytes in writes {
            printer.print(bytes);
        }
        drop(printer);
        lines.take().into_iter().map(|(_, line)| line).collect()
    }

    #[test]
    fn lines_are_put_together_from_any_pieces() {
        assert_eq!(
            printed(&[b"a", b"b\nc", b"\n\nd\r\n", b"end"]),
            ["ab", "c", "", "d", "end"]
        );
        assert!(printed(&[b"", b""]).is_empty());
    }

    #[test]
    fn what_steers_terminals_is_spelled_out() {
        let lines = printed(&["\u{1b}[2J\u{7}\u{202e}x\t\u{9b}y\n".as_bytes(), b"\xff\n"]);
        assert_eq!(lines[0], "\\u{1b}[2J\\u{7}\\u{202e}x\t\\u{9b}y");
        assert_eq!(lines[1], "\u{fffd}");
    }

    #[test]
    fn a_line_without_end_is_cut_and_takes_no_more_memory() {
        let lines = Arc::new(Lines::default());
        let printer = Printer::new(Stdio::Err, lines.clone());
        for _ in 0..100 {
            printer.print(&[b'x'; 1000]);
        }
        assert!(printer.line.lock().unwrap().bytes.len() <= MAX_PRINTED_LINE_BYTES);
        printer.print(b"\nnext\n");
        let lines = lines.take();
        assert_eq!(lines[0].1.len(), MAX_PRINTED_LINE_BYTES + "…".len());
        assert_eq!(lines[1], (Stdio::Err, "next".to_owned()));
    }
}
