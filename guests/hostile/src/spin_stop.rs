//! A `stop` that never ends.

use external_worker::prelude::*;

/// Lives well and does not want to go.
#[derive(Default)]
pub struct SpinStop;

#[external_worker(id = "spin_stop")]
impl SpinStop {
    async fn stop(&self) {
        crate::spin();
    }
}
