//! What can go wrong in the host, as one typed error.
//!
//! The `Display` text is for the person who runs the host: what, where, and what to do. What a
//! guest or a remote client may see of it is [`HostError::public`].

use std::path::PathBuf;

use crate::limits::{Exhausted, Full};
use crate::policy::{MissingGrants, PolicyError};
use crate::text;

/// A failure of the host or of what it was asked to do.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A file could not be read or written.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried: "read", "write", …
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not a component that this host can run.
    #[error("{name} is not a usable component: {problem}. {fix}")]
    Component {
        /// The component's file or name.
        name: String,
        /// What is wrong.
        problem: String,
        /// What to do about it.
        fix: String,
    },
    /// Capabilities are imported that the policy does not grant.
    #[error("{0}")]
    MissingGrants(#[from] MissingGrants),
    /// The policy cannot be read, or is wrong.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The tenants file is wrong.
    #[error("the tenants file {origin} is wrong: {problem}")]
    Tenants {
        /// Where it is.
        origin: String,
        /// What is wrong, with its place.
        problem: String,
    },
    /// A capability could not be set up for an instance.
    #[error("cannot prepare the capability `{capability}`: {problem}")]
    Capability {
        /// The capability's name.
        capability: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// There is no such class in the component.
    #[error("the component has no class `{class_id}`; it has: {known}")]
    UnknownClass {
        /// What was asked for.
        class_id: String,
        /// What there is.
        known: String,
    },
    /// The description that a component gives of itself is not usable. After the first line may come those of a
    /// traceback.
    #[error("the component describes itself wrongly: {0}")]
    Description(String),
    /// The configuration does not fit the schema.
    #[error("the configuration is not valid: {0}")]
    Config(String),
    /// The guest answered with an error of its own.
    #[error("{message}")]
    Guest {
        /// Its code.
        code: ErrorCode,
        /// Its sentence, cleaned of control characters.
        message: String,
    },
    /// An input or an output is not what the method declares, or too big; or a state is too big.
    #[error("{0}")]
    Value(String),
    /// A budget is used up.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// Too much at once.
    #[error("the instance is busy: {0}")]
    Busy(String),
    /// A deadline passed.
    #[error("{what} took longer than {limit_ms} ms")]
    Deadline {
        /// What was waited for.
        what: String,
        /// For how long.
        limit_ms: u64,
    },
    /// The call was cancelled by its caller.
    #[error("the call was cancelled")]
    Cancelled,
    /// The instance is not there any more.
    #[error("the instance has ended: {0}")]
    Ended(String),
    /// There are as many instances as the machine has room for.
    #[error(transparent)]
    Full(#[from] Full),
    /// The certificates that the operator named cannot be used.
    #[error("{0}")]
    Certificates(String),
    /// The engine failed.
    #[error("the engine failed: {0}")]
    Engine(String),
}

/// What kind of error a guest answered with: that of the contract (`wit/types.wit`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// An input is missing, of the wrong type or out of range.
    InvalidInput,
    /// The configuration does not satisfy the schema, or cannot be applied.
    InvalidConfig,
    /// The named thing is not there, or not there now.
    Unavailable,
    /// The operator did not grant it.
    Denied,
    /// A budget or a queue is used up for now.
    Busy,
    /// Everything else.
    Internal,
}

impl ErrorCode {
    /// What it is called in the contract.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::InvalidConfig => "invalid-config",
            Self::Unavailable => "unavailable",
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Internal => "internal",
        }
    }
}

/// The host's result.
pub type Result<T, E = HostError> = std::result::Result<T, E>;

impl HostError {
    /// What kind of error it is, in a word: that of the contract where a guest answered with it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Guest { code, .. } => code.name(),
            Self::Value(_) => ErrorCode::InvalidInput.name(),
            Self::Config(_) => ErrorCode::InvalidConfig.name(),
            Self::Busy(_) | Self::Exhausted(_) | Self::Full(_) => ErrorCode::Busy.name(),
            Self::Deadline { .. } => "deadline",
            Self::Cancelled => "cancelled",
            Self::Ended(_) => "ended",
            _ => ErrorCode::Internal.name(),
        }
    }

    /// The sentence that a guest or a remote client may see: no paths, no host detail.
    pub fn public(&self) -> String {
        match self {
            Self::File { action, .. } => format!("the host could not {action} a file"),
            Self::Certificates(_) => "the host's certificates cannot be used".to_owned(),
            Self::Engine(_) => "the host failed; its log says why".to_owned(),
            Self::Policy(error) => error.public().to_owned(),
            Self::Tenants { .. } => "the host's tenants file is wrong".to_owned(),
            Self::Capability { capability, .. } => {
                format!("the capability `{capability}` is not available now")
            }
            // In one line: what follows is a traceback.
            Self::Description(_) => text::first_line(&self.to_string()).to_owned(),
            other => other.to_string(),
        }
    }
}
