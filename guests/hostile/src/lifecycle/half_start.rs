//! Takes handles and memory in `start`, and fails.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        let held = vec![1_u8; 8 << 20];
        std::mem::forget(raw::get_node_class("attack")?);
        std::mem::forget(held);
        Err(Error::unavailable("it changed its mind"))
    }
}
