//! What can go wrong on the command line, and the exit code that scripts see.

use std::io;
use std::process::ExitCode;

use super::remote::RemoteError;
use crate::error::HostError;
use crate::policy::PolicyError;

/// How a command ended. The codes are documented in `ewh --help` and do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Ok,
    /// The worker failed.
    WorkerFailed,
    /// The command line or a file that it names is wrong.
    Usage,
    /// The policy does not grant what the component needs, or the token what is asked.
    NotGranted,
    /// The guest toolchain is missing, or the guest does not build.
    Build,
    /// The host or the machine failed.
    Host,
    /// Ctrl-C before the end.
    Interrupted,
    /// SIGTERM before the end.
    Terminated,
}

impl Exit {
    /// Every way to end.
    pub const ALL: [Self; 8] = [
        Self::Ok,
        Self::WorkerFailed,
        Self::Usage,
        Self::NotGranted,
        Self::Build,
        Self::Host,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// What the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::WorkerFailed => 1,
            Self::Usage => 2,
            Self::NotGranted => 3,
            Self::Build => 4,
            Self::Host => 5,
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }

    /// Its stable name in machine-readable output.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::WorkerFailed => "worker-failed",
            Self::Usage => "usage",
            Self::NotGranted => "not-granted",
            Self::Build => "build",
            Self::Host => "host",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

/// Why a command failed: what, where, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The command line or a file that it names is wrong.
    #[error("{0}")]
    Usage(String),
    /// The host says why.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The worker did not become an instance.
    #[error("the worker did not start: {0}")]
    NotStarted(HostError),
    /// The guest does not build.
    #[error(transparent)]
    Build(#[from] external_worker_build::Error),
    /// The guest does not build; what the toolchain does not know about it.
    #[error("{0}")]
    CannotBuild(String),
    /// The Worker did not open.
    #[error(transparent)]
    Worker(#[from] crate::worker::WorkerError),
    /// A tenant's process is not kept from the rest of the machine, so it does not start.
    #[cfg(target_os = "linux")]
    #[error("cannot isolate the process: {0}")]
    Confine(#[from] crate::tenant::confine::ConfineError),
    /// A host that was asked says no, or nothing.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The output has nowhere to go.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
    /// The machine gave no thread or no signal handler.
    #[error("this machine cannot run the host: {0}")]
    Machine(io::Error),
}

impl From<PolicyError> for CliError {
    fn from(error: PolicyError) -> Self {
        Self::Host(error.into())
    }
}

impl CliError {
    /// What the shell is to see.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Host(error) | Self::NotStarted(error) => exit_of(error),
            Self::Remote(error) => error.exit(),
            Self::Build(_) | Self::CannotBuild(_) => Exit::Build,
            #[cfg(target_os = "linux")]
            Self::Confine(_) => Exit::Host,
            Self::Worker(_) | Self::Output(_) | Self::Machine(_) => Exit::Host,
        }
    }

    /// Whether the reader of the output left, which is their right: `ewh … | head`.
    pub fn is_reader_gone(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

fn exit_of(error: &HostError) -> Exit {
    match error {
        HostError::MissingGrants(_) => Exit::NotGranted,
        HostError::File { .. }
        | HostError::Component { .. }
        | HostError::Policy { .. }
        | HostError::Tenants { .. }
        | HostError::Certificates(_)
        | HostError::Capability { .. }
        | HostError::UnknownClass { .. }
        | HostError::Description(_)
        | HostError::Config(_) => Exit::Usage,
        HostError::Guest { .. }
        | HostError::Value(_)
        | HostError::Exhausted(_)
        | HostError::Busy(_)
        | HostError::Deadline { .. }
        | HostError::Cancelled
        | HostError::Ended(_) => Exit::WorkerFailed,
        HostError::Engine(_) | HostError::Full(_) => Exit::Host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        codes.dedup();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 130, 143]);
    }
}
