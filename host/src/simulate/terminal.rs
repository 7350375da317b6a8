//! A serial line of this machine: a pty, and a thread that answers at its far end.

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
/// Pause while nobody has the line open.
const CLOSED: Duration = Duration::from_millis(5);
/// Most bytes that are heard at once.
const CHUNK: usize = 256;

/// A device on a serial line. Dropping it unplugs it.
#[derive(Debug)]
pub struct Terminal {
    path: String,
    wanted: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Terminal {
    /// Plugs in a device that says `answer` of what it heard; `None`: it unplugs itself.
    ///
    /// # Errors
    /// When the system has no pty to give.
    pub fn plug_in(
        answer: impl FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'static,
    ) -> io::Result<Self> {
        let (device, path) = pseudo_terminal()?;
        let path = path.to_string_lossy().into_owned();
        let wanted = Arc::new(AtomicBool::new(true));
        let still = Arc::clone(&wanted);
        let thread = thread::Builder::new()
            .name("terminal".to_owned())
            .spawn(move || serve(device, &still, answer))?;
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

impl Drop for Terminal {
    fn drop(&mut self) {
        self.wanted.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut device: File, wanted: &AtomicBool, mut answer: impl FnMut(&[u8]) -> Option<Vec<u8>>) {
    let mut chunk = [0; CHUNK];
    while wanted.load(Ordering::Relaxed) {
        if !is_readable(&device) {
            continue;
        }
        // It fails while nobody has the line open.
        let length = device.read(&mut chunk).unwrap_or(0);
        let Some(heard) = chunk.get(..length).filter(|heard| !heard.is_empty()) else {
            thread::sleep(CLOSED);
            continue;
        };
        let Some(said) = answer(heard) else {
            return;
        };
        let _ = device.write_all(&said);
    }
}

/// Whether a byte is there, after waiting a moment for one.
fn is_readable(device: &File) -> bool {
    let mut fds = [PollFd::new(device, PollFlags::IN)];
    let ready = poll(&mut fds, Some(&LOOK)).unwrap_or(0) > 0;
    // What was said before the other end was closed is there still.
    let is_there = fds.iter().any(|fd| fd.revents().contains(PollFlags::IN));
    if ready && !is_there {
        // While nobody has the other end open, poll answers at once.
        thread::sleep(CLOSED);
    }
    is_there
}
