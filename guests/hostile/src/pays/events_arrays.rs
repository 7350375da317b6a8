//! Emits events of ten thousand empty lists.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let _ = raw::emit("e", &list("[]", 65_000));
        Ok(())
    }
}
