//! Reads a thousand files at once, again and again, so that as many threads of the host wait for a disk.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(0);
        Ok(())
    }

    async fn turn() -> Result {
        let _ = all((0..1_000).map(|_| read3("/data/hello.txt"))).await;
        Ok(())
    }
}
