//! Waits in a call for ever and does not hear that it was cancelled.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        loop {
            hours().await;
        }
    }
}
