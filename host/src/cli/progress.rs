//! A sign of life for work that takes longer than a second: a line that changes where somebody
//! looks; elsewhere one plain line, and another one every so often if there is something new to say.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::output::Output;

const PATIENCE: Duration = Duration::from_secs(1);
const FRAME: Duration = Duration::from_millis(100);
/// Between two plain lines.
const PAUSE: Duration = Duration::from_secs(10);
const SPINNER: [&str; 4] = ["|", "/", "-", "\\"];

/// Work that is under way until this is dropped.
#[derive(Debug)]
pub struct Progress {
    shown_by: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// `what` says what is under way, and may say something else later.
    pub(super) fn start(output: Output, what: impl Fn() -> String + Send + 'static) -> Self {
        let (done, wait) = mpsc::channel();
        let started = Instant::now();
        let show = move || {
            if wait.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            if !output.is_live() {
                let mut said = String::new();
                loop {
                    let now = what();
                    if now != said {
                        output.note(&format!("{now} …"));
                        said = now;
                    }
                    if wait.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                }
            }
            let mut frames = SPINNER.iter().cycle();
            while wait.recv_timeout(FRAME) == Err(RecvTimeoutError::Timeout) {
                let frame = frames.next().copied().unwrap_or_default();
                output.live(&format!(
                    "{frame} {} … {:.1} s",
                    what(),
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
