//! Writes a file in each turn of its loop, for as long as it may.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let _ = write3("/data/mark", 1).await;
        Ok(())
    }
}
