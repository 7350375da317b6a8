//! The terminal: lines that stay, and below them one line that keeps changing.
//!
//! Everything that `ewh` prints passes here, from whatever thread, so that the changing line is
//! never mixed up with what stays.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Wrapping off, so that a long line can be taken back as a whole; then on again.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
const CLEAR_LINE: &str = "\r\x1b[2K";

/// Standard output and standard error.
#[derive(Debug)]
pub struct Screen {
    live: Mutex<Live>,
    is_terminal: bool,
}

#[derive(Debug, Default)]
struct Live {
    text: String,
}

impl Screen {
    /// `is_terminal`: whether standard error can take a line back.
    pub fn new(is_terminal: bool) -> Self {
        Self {
            live: Mutex::default(),
            is_terminal,
        }
    }

    /// Whether there can be a changing line.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the changing line; empty: none. Nothing happens where there can be none.
    pub fn live(&self, text: &str) {
        let mut live = self.lock();
        if self.is_terminal && live.text != text {
            let mut stderr = io::stderr().lock();
            let _ = clear(&mut stderr, &live.text).and_then(|()| redraw(&mut stderr, text));
            live.text = text.to_owned();
        }
    }

    /// Writes to standard error. When that fails there is nobody left to tell.
    pub fn to_stderr(&self, bytes: &[u8]) {
        let live = self.lock();
        let mut stderr = io::stderr().lock();
        let _ = clear(&mut stderr, &live.text)
            .and_then(|()| stderr.write_all(bytes))
            .and_then(|()| redraw(&mut stderr, &live.text));
    }

    /// Writes to standard output.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn to_stdout(&self, bytes: &[u8]) -> io::Result<()> {
        let live = self.lock();
        let _ = clear(&mut io::stderr().lock(), &live.text);
        let mut stdout = io::stdout().lock();
        let written = stdout.write_all(bytes).and_then(|()| stdout.flush());
        let _ = redraw(&mut io::stderr().lock(), &live.text);
        written
    }
}

fn clear(stderr: &mut impl Write, live: &str) -> io::Result<()> {
    if live.is_empty() {
        Ok(())
    } else {
        stderr.write_all(CLEAR_LINE.as_bytes())
    }
}

fn redraw(stderr: &mut impl Write, live: &str) -> io::Result<()> {
    if live.is_empty() {
        return stderr.flush();
    }
    write!(stderr, "{CLEAR_LINE}{NO_WRAP}{live}{WRAP}")?;
    stderr.flush()
}
