//! Lets a process stand still while it is looked at: else it could move what it hides from where nobody has
//! looked yet to where somebody has.

use std::fs;
use std::path::Path;
use std::time::Instant;

use rustix::process::{Signal, pidfd_send_signal};

use super::notice::Process;
use crate::limits;

/// A process that stands still until this is dropped.
pub(super) struct Still<'a>(&'a Process);

impl<'a> Still<'a> {
    /// Stops `process`, and waits until no thread of it runs. One that waits in the kernel may count as one that
    /// runs; that is not waited for without end.
    pub(super) fn stop(process: &'a Process) -> Self {
        let still = Self(process);
        // One that is gone need not be stopped.
        let _ = pidfd_send_signal(process.descriptor(), Signal::STOP);
        let began = Instant::now();
        while !is_still(process) && began.elapsed() < limits::STANDS_STILL_WITHIN {
            std::thread::sleep(limits::STANDS_STILL_LOOKS_EVERY);
        }
        still
    }
}

impl Drop for Still<'_> {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(self.0.descriptor(), Signal::CONT);
    }
}

fn is_still(process: &Process) -> bool {
    let tasks = format!("/proc/{}/task", process.pid.as_raw_nonzero());
    let Ok(mut tasks) = fs::read_dir(tasks) else {
        return true;
    };
    tasks.all(|task| task.is_ok_and(|task| is_stopped(&task.path().join("stat"))))
}

/// Whether a thread is stopped, or gone.
fn is_stopped(stat: &Path) -> bool {
    let Ok(stat) = fs::read_to_string(stat) else {
        return true;
    };
    // Its name, in brackets, may be anything.
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_none_or(|state| state.starts_with(['T', 't', 'Z', 'X']))
}
