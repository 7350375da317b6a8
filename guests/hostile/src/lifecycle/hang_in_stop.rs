//! Waits in `stop` for ever.

use crate::attack::*;

crate::attack! {
    async fn stop() {
        hours().await;
    }
}
