//! Emits events of many small towers.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let _ = raw::emit("e", &list("[[[[[[[[0]]]]]]]]", 65_000));
        Ok(())
    }
}
