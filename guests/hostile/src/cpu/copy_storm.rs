//! Copies 8 MiB within its memory, again and again: one copy is one instruction.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut bytes = vec![1_u8; 8 << 20];
        loop {
            std::hint::black_box(&mut bytes).copy_within(0..(8 << 20) - 1, 1);
        }
    }
}
