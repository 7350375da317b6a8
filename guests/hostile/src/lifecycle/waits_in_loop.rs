//! Waits in the host, in its loop, all the time, and is to stop.

use crate::attack::*;

crate::attack! {
    async fn turn() -> Result {
        loop {
            raw::wait(u32::MAX, None);
        }
    }
}
