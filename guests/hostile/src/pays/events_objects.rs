//! Emits events of nine thousand dictionaries, small as text and a hundred times as large as trees.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let _ = raw::emit("e", &objects(65_000));
        Ok(())
    }
}
