//! Asks the host for what is not there, all through each turn of the loop.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(0);
        Ok(())
    }

    async fn turn() -> Result {
        for _ in 0..2_000 {
            let _ = raw::get_node_class("nothing");
        }
        Ok(())
    }
}
