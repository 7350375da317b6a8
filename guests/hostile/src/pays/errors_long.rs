//! Fails in every call of many nodes with the longest sentence that there may be.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let _ = raw::request_trigger("attack");
        Ok(())
    }

    async fn call(_to: String) -> Result<String> {
        Err(Error::unavailable("x".repeat(16_000)))
    }
}
