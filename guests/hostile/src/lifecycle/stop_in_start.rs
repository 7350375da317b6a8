//! Wants to be stopped before it has started.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        for _ in 0..10_000 {
            raw::stop_self();
        }
        Ok(())
    }
}
