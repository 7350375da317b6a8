//! Waits in `start` for ever.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        hours().await;
        Ok(())
    }
}
