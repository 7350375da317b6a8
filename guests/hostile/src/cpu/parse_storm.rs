//! Lets the host parse JSON that is as long as an event may be, again and again.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let data = format!("[{}0]", "0,".repeat(32_000));
        loop {
            let _ = raw::emit("numbers", &data);
        }
    }
}
