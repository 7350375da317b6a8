//! Copies 16 MiB within its memory, again and again: one copy is one instruction.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut bytes = vec![1; 16 << 20];
        loop {
            std::hint::black_box(&mut bytes).copy_within(0..(16 << 20) - 1, 1);
        }
    }
}
