//! Uses the processor for less than a tick and sleeps for a moment, again and again.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(0);
        Ok(())
    }

    async fn turn() -> Result {
        work(5_000_000);
        timer::sleep(1).await;
        Ok(())
    }
}
