//! Fills 8 MiB, again and again.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut bytes = vec![1_u8; 8 << 20];
        loop {
            std::hint::black_box(&mut bytes).fill(2);
        }
    }
}
