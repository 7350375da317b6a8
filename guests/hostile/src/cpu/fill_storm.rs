//! Fills 16 MiB, again and again.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut bytes = vec![1; 16 << 20];
        loop {
            std::hint::black_box(&mut bytes).fill(2);
        }
    }
}
