//! What can go wrong in a Worker. Clients see [`WorkerError::public`], the operator all of it.

use super::export::ExportProblem;
use super::import::ImportProblem;
use super::modules::package::PackageProblem;
use super::quota::OverQuota;
use super::saved_state::SavedStateProblem;
use super::store::StoreError;
use crate::error::HostError;
use crate::nodespace::GraphError;

/// A failure of a Worker or of what it was asked to do.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// There is no such external worker.
    #[error("Worker {0} not found")]
    NoExternal(String),
    /// There was such an external worker, and it was removed a moment ago.
    #[error("Worker {0} not found any more")]
    Gone(String),
    /// There is no such class.
    #[error("Worker {class} not found in {module}{why}")]
    NoClass {
        /// What was asked for.
        class: String,
        /// Where.
        module: String,
        /// What is wrong with the module, if it is known: begins with a colon.
        why: String,
    },
    /// The class is a node library, of which the Worker itself has the one instance.
    #[error(
        "`{0}` is a node library, not a class of external workers: its nodes are in the library, and nothing \
         else of it can be added or changed"
    )]
    IsLibrary(String),
    /// The uuid cannot be had.
    #[error("the uuid `{uuid}` cannot be used: {problem}")]
    Uuid {
        /// Which.
        uuid: String,
        /// Why.
        problem: &'static str,
    },
    /// A request is not well formed.
    #[error("{0}")]
    Request(String),
    /// There are as many as there may be.
    #[error("there are {limit} {what} already, which is the limit")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        limit: usize,
    },
    /// There is as much as its owner may have.
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    /// The Worker is closing.
    #[error("the Worker is closing")]
    Closing,
    /// From the sandbox.
    #[error(transparent)]
    Host(#[from] HostError),
    /// From the graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// From the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// From an export.
    #[error(transparent)]
    Export(#[from] ExportProblem),
    /// From an import.
    #[error(transparent)]
    Import(#[from] ImportProblem),
    /// From a package.
    #[error(transparent)]
    Package(#[from] PackageProblem),
    /// From a saved state.
    #[error(transparent)]
    State(#[from] SavedStateProblem),
    /// A directory or file of the Worker cannot be used.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// The result of a Worker.
pub type Result<T, E = WorkerError> = std::result::Result<T, E>;

impl WorkerError {
    /// The sentence that a client may see.
    pub fn public(&self) -> String {
        match self {
            Self::Host(error) => error.public(),
            Self::Store(error) => error.public().to_owned(),
            Self::Package(error) => error.public(),
            Self::File { action, .. } => format!("the host could not {action} a file"),
            other => other.to_string(),
        }
    }
}
