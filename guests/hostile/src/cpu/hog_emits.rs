//! Emits all that it can through each turn of the loop.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(0);
        Ok(())
    }

    async fn turn() -> Result {
        let data = format!("\"{}\"", "x".repeat(1 << 15));
        for _ in 0..500 {
            let _ = raw::emit("event", &data);
        }
        Ok(())
    }
}
