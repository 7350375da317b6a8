//! A thermometer on a real serial line: the far end of a pty, answering a line protocol.
//!
//! `*IDN?` names it, `TEMP?` reads it, `UNIT C` and `UNIT F` switch it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::capability::serial::pseudo_terminal;

/// How often the thread looks whether it is still wanted.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};
/// Longest command line that it listens to.
const MAX_LINE: usize = 64;

/// The instrument. Dropping it unplugs it.
#[derive(Debug)]
pub struct Instrument {
    path: String,
    wanted: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Instrument {
    /// Plugs one in.
    ///
    /// # Errors
    /// When the system has no pty to give.
    pub fn plug_in() -> io::Result<Self> {
        let (line, device) = pseudo_terminal()?;
        let path = device.to_string_lossy().into_owned();
        let wanted = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&wanted);
        let thread = thread::Builder::new()
            .name("instrument".to_owned())
            .spawn(move || serve(line, &still))?;
        Ok(Self {
            path,
            wanted,
            thread: Some(thread),
        })
    }

    /// The device that a host opens.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl Drop for Instrument {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut device: File, wanted: &AtomicBool) {
    let mut command = Vec::new();
    let mut fahrenheit = false;
    let mut readings = 0;
    while wanted.load(Ordering::Relaxed) {
        let mut byte = [0];
        if !is_readable(&device) || device.read(&mut byte).is_err() {
            // Nobody has the line open, or nobody says anything.
            continue;
        }
        let [byte] = byte;
        if byte != b'\n' && byte != b'\r' {
            command.push(byte);
            command.truncate(MAX_LINE);
            continue;
        }
        if let Some(answer) = answer(&command, &mut fahrenheit, &mut readings) {
            let _ = device.write_all(answer.as_bytes());
        }
        command.clear();
    }
}

/// Whether a byte is there, after waiting a moment for one.
fn is_readable(device: &File) -> bool {
    let mut fds = [PollFd::new(device, PollFlags::IN)];
    let ready = poll(&mut fds, Some(&LOOK)).unwrap_or(0) > 0;
    // While nobody has the other end open, poll answers at once, and there is nothing to read.
    let hung_up = fds.iter().any(|fd| fd.revents().contains(PollFlags::HUP));
    if hung_up {
        thread::sleep(Duration::from_millis(5));
    }
    ready && !hung_up
}

fn answer(command: &[u8], fahrenheit: &mut bool, readings: &mut u32) -> Option<String> {
    match command {
        b"" => None,
        b"*IDN?" => Some("ACME,THERMOMETER,1,0.1\r\n".to_owned()),
        b"TEMP?" => {
            *readings = readings.wrapping_add(1);
            // A day's wave, a degree up and down.
            let celsius = 21.5 + (f64::from(*readings) / 8.0).sin();
            let shown = if *fahrenheit {
                celsius * 9.0 / 5.0 + 32.0
            } else {
                celsius
            };
            Some(format!("{shown:.2}\r\n"))
        }
        b"UNIT C" | b"UNIT F" => {
            *fahrenheit = command.ends_with(b"F");
            Some("OK\r\n".to_owned())
        }
        _ => Some("ERR unknown command\r\n".to_owned()),
    }
}
