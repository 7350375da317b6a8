//! Why there is no policy.

use std::io;
use std::path::PathBuf;

/// Why a policy cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Its file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is wrong.
    #[error("the policy {origin} is wrong: {problem}")]
    Wrong {
        /// Where it came from.
        origin: String,
        /// What is wrong, with line and column where known.
        problem: String,
    },
}

impl PolicyError {
    /// What a guest or a remote client may see of it.
    pub const fn public(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "its policy cannot be read; the host's log says why",
            Self::Wrong { .. } => "the host's policy is wrong; its log says how",
        }
    }
}

/// What becomes of reading a policy.
pub type Result<T, E = PolicyError> = std::result::Result<T, E>;
