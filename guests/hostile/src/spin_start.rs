//! A `start` that never ends.

use external_worker::NoConfig;
use external_worker::prelude::*;

/// Never comes to life.
pub struct SpinStart;

#[external_worker(id = "spin_start")]
impl SpinStart {
    async fn start(_context: Context<NoConfig>) -> Self {
        crate::spin();
        Self
    }
}
