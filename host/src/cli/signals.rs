//! Ctrl-C and SIGTERM, as something to wait for.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::error::{CliError, Exit};

/// The signals that end a command that runs until it is told to stop.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on these signals do not end the process by themselves.
    ///
    /// # Errors
    /// When the machine refuses.
    pub fn catch() -> Result<Self, CliError> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(CliError::Machine)?,
            terminate: signal(SignalKind::terminate()).map_err(CliError::Machine)?,
        })
    }

    /// Waits for the next one; what the process is to exit with for it.
    pub async fn next(&mut self) -> Exit {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Exit::Interrupted,
            Some(()) = self.terminate.recv() => Exit::Terminated,
            else => std::future::pending().await,
        }
    }
}
