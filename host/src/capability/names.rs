//! Host names of one instance: each is looked up once, by the host, and keeps its addresses for as
//! long as the instance lives, so that no second answer can lead past a decision on the first.

use std::sync::Arc;

use crate::limits::Ledger;

/// The names that an instance has looked up.
#[derive(Debug, Clone)]
pub struct Names {
    _ledger: Arc<Ledger>,
}

impl Names {
    /// No names yet.
    pub fn new(ledger: &Arc<Ledger>) -> Self {
        Self {
            _ledger: Arc::clone(ledger),
        }
    }
}
