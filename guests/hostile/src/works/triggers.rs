//! Asks all the time that each of its five hundred nodes runs.

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
}
