//! Waits in the host, in `stop`, all the time and lets nothing else of itself go on.

use crate::attack::*;

crate::attack! {
    async fn stop() {
        loop {
            raw::wait(u32::MAX, None);
        }
    }
}
