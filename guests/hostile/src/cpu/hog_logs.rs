//! Logs all that it can through each turn of the loop.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(0);
        Ok(())
    }

    async fn turn() -> Result {
        for line in 0..1_000 {
            raw::log(raw::Level::Error, &format!("line {line}"));
        }
        Ok(())
    }
}
