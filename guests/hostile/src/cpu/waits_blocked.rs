//! Waits in the host all the time and lets nothing else of itself go on, so that it never hears that it is to end.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        loop {
            raw::wait(u32::MAX, None);
        }
    }
}
