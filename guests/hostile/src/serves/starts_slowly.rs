//! Takes all the time to start that it may.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        timer::sleep(9_000).await;
        Ok(())
    }
}
