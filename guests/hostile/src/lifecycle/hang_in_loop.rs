//! Waits in its loop for ever, which it may, and does not end it when it is stopped.

use crate::attack::*;

crate::attack! {
    async fn turn() -> Result {
        hours().await;
        Ok(())
    }
}
