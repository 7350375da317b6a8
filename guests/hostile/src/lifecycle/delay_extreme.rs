//! Sets the pause of its loop to the longest and the shortest that there is.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for ms in [u32::MAX, 0, u32::MAX] {
            raw::set_loop_delay(ms);
            raw::resume_in(ms);
        }
        Ok(String::new())
    }
}
