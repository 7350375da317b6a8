//! Turns its loop as fast as it can.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(0);
        Ok(())
    }
}
