//! Uses the processor, fails, and is started again.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(0);
        Ok(())
    }

    async fn turn() -> Result {
        work(2_000_000);
        panic!("again")
    }
}
