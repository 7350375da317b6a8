//! Who starts the processes that compile: this one, or whoever keeps this one, which may start none.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};

use super::Lane;
use crate::limits::Budget;

/// What a process is to be.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    /// Which of the processes that there may be at once.
    pub lane: Lane,
    /// What it may hold, in bytes, the instance that describes itself included.
    pub memory: u64,
    /// Seconds of processor time.
    pub cpu: u64,
    /// The budget within which the component describes itself.
    pub budget: Budget,
}

/// Starts processes that compile.
pub trait Starter: fmt::Debug + Send + Sync {
    /// Starts one.
    ///
    /// # Errors
    /// When none can be had.
    fn start(&self, order: Order) -> BoxFuture<'_, io::Result<Process>>;
}

/// Waits for the end of a process.
pub type End = BoxFuture<'static, io::Result<ExitStatus>>;

/// A process that was started. It is ended when `end` is dropped.
pub struct Process {
    /// What it reads.
    pub stdin: pipe::Sender,
    /// What it answers.
    pub stdout: pipe::Receiver,
    /// Waits until it has ended.
    pub end: End,
}

impl Process {
    /// One that `begin` begins with what it is to read from and to write to.
    pub(crate) fn with(
        begin: impl FnOnce(OwnedFd, OwnedFd) -> io::Result<End>,
    ) -> io::Result<Self> {
        let (stdin, reads) = pipe::pipe()?;
        let (writes, stdout) = pipe::pipe()?;
        let end = begin(reads.into_blocking_fd()?, writes.into_blocking_fd()?)?;
        Ok(Self { stdin, stdout, end })
    }
}

/// A program that does it, and the arguments that make it do this; three that name its limits follow.
#[derive(Debug, Clone)]
pub struct Program {
    /// Where it is.
    pub program: PathBuf,
    /// The first of its arguments.
    pub arguments: Vec<OsString>,
}

impl Program {
    /// Starts it with nothing in its hands but `stdin` and `stdout`.
    pub(crate) fn spawn(
        &self,
        order: &Order,
        stdin: OwnedFd,
        stdout: OwnedFd,
    ) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.arguments)
            .args(["--memory", &order.memory.to_string()])
            .args(["--cpu", &order.cpu.to_string()])
            .args(["--budget", &serde_json::to_string(&order.budget)?])
            .env_clear()
            .stdin(Stdio::from(stdin))
            .stdout(Stdio::from(stdout))
            .stderr(Stdio::null())
            // What a terminal tells everybody, the host answers.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

impl Starter for Program {
    fn start(&self, order: Order) -> BoxFuture<'_, io::Result<Process>> {
        Box::pin(async move {
            Process::with(|stdin, stdout| {
                let mut child = self.spawn(&order, stdin, stdout)?;
                Ok(Box::pin(async move { child.wait().await }))
            })
        })
    }
}
