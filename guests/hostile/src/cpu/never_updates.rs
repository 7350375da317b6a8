//! Waits in `update-config` for ever.

use crate::attack::*;

crate::attack! {
    async fn update_config() -> Result {
        hours().await;
        Ok(())
    }
}
