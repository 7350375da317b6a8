//! Spins for a while, waits for a moment, and so on, in one call.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        loop {
            work(1_000_000);
            timer::sleep(0).await;
        }
    }
}
