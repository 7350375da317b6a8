//! Takes and gives back memory in each turn of the loop, without a pause.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(0);
        Ok(())
    }

    async fn turn() -> Result {
        for _ in 0..64 {
            std::hint::black_box(vec![1_u8; 1 << 20]);
        }
        Ok(())
    }
}
