//! Allocates until it may not, and then some.

use external_worker::prelude::*;

/// Grows when it is called.
#[derive(Default)]
pub struct MemoryBomb;

#[external_worker(id = "memory_bomb")]
impl MemoryBomb {
    /// Asks for memory until it is refused; says how many bytes it got.
    #[node]
    fn measure(&self) -> i64 {
        let mut held: Vec<Vec<u8>> = Vec::new();
        loop {
            let mut chunk = Vec::new();
            if chunk.try_reserve_exact(crate::CHUNK).is_err() {
                return (held.len() * crate::CHUNK) as i64;
            }
            chunk.resize(crate::CHUNK, 1);
            held.push(chunk);
        }
    }

    /// Does not care whether it is refused.
    #[node]
    fn burst(&self) -> i64 {
        let mut held: Vec<Vec<u8>> = Vec::new();
        loop {
            held.push(vec![1; crate::CHUNK]);
        }
    }
}
