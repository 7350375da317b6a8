//! Uses the processor while it starts, as long as it may.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        work(2_000_000_000);
        Ok(())
    }
}
