//! A sign of life for work that takes longer than a second: a line that changes where somebody
//! looks, one plain line elsewhere.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::output::Output;

const PATIENCE: Duration = Duration::from_secs(1);
const FRAME: Duration = Duration::from_millis(100);
const SPINNER: [&str; 4] = ["|", "/", "-", "\\"];

/// Work that is under way until this is dropped.
#[derive(Debug)]
pub struct Progress {
    shown_by: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    pub(super) fn start(output: Output, what: String) -> Self {
        let (done, wait) = mpsc::channel();
        let started = Instant::now();
        let show = move || {
            if wait.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            if !output.is_live() {
                output.note(&format!("{what} …"));
                // Ends when the sender is dropped.
                let _ = wait.recv();
                return;
            }
            let mut frames = SPINNER.iter().cycle();
            while wait.recv_timeout(FRAME) == Err(RecvTimeoutError::Timeout) {
                let frame = frames.next().copied().unwrap_or_default();
                output.live(&format!(
                    "{frame} {what} … {:.1} s",
                    started.elapsed().as_secs_f64()
                ));
            }
            output.live("");
        };
        // Without a thread the work goes on all the same, unseen.
        let thread = std::thread::Builder::new()
            .name("ewh-progress".to_owned())
            .spawn(show);
        Self {
            shown_by: thread.ok().map(|thread| (done, thread)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.shown_by.take() {
            drop(done);
            let _ = thread.join();
        }
    }
}
