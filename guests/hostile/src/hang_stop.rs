//! A `stop` that waits for ever.

use std::time::Duration;

use external_worker::prelude::*;

/// Lives well and takes its time to go.
#[derive(Default)]
pub struct HangStop;

#[external_worker(id = "hang_stop")]
impl HangStop {
    async fn stop(&self) {
        loop {
            sleep(Duration::from_secs(3600)).await;
        }
    }
}
