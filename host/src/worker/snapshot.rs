//! All that a Worker keeps, in one file as it is at one moment, for whoever copies its directory while it runs.

use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::Worker;
use super::error::Result;
use super::external_worker::ExternalWorker;
use crate::limits::SNAPSHOT_SAVES;

impl Worker {
    /// Has each external worker say its state, and writes that down with everything else that is kept. Loops and calls go on
    /// meanwhile, and the Worker itself keeps no state of what runs: one that ends without a stop starts afresh.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) async fn snapshot(&self) -> Result<()> {
        let externals: Vec<_> = self.externals().values().cloned().collect();
        let states = join_all(externals.into_iter().map(state_of)).await;
        let states = states.into_iter().flatten().collect();
        Ok(self.inner.store.snapshot(states).await?)
    }
}

/// What one that runs says of itself, if it does so in time.
async fn state_of(external: Arc<ExternalWorker>) -> Option<(String, Vec<u8>)> {
    let instance = external.instance()?;
    let problem = match timeout(SNAPSHOT_SAVES, instance.save()).await {
        Ok(Ok(state)) => return Some((external.uuid().to_owned(), state?)),
        Ok(Err(error)) => error.to_string(),
        Err(_late) => "it takes too long".to_owned(),
    };
    let name = external.name();
    tracing::warn!("a snapshot has no state of {name}: {problem}");
    None
}
