//! Takes and gives back memory, again and again.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        loop {
            std::hint::black_box(vec![0_u8; 1 << 16]);
        }
    }
}
