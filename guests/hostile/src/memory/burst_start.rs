//! Takes all memory before it has started.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        let mut held: Vec<Vec<u8>> = Vec::new();
        loop {
            held.push(vec![1; 64 * 1024]);
        }
    }
}
