//! Takes memory until it gets no more.

use crate::attack::*;

const BLOCK: usize = 64 * 1024;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let budget: usize = to.parse()?;
        let mut held: Vec<Vec<u8>> = Vec::new();
        loop {
            let mut block = Vec::new();
            if block.try_reserve_exact(BLOCK).is_err() {
                let got = held.len() * BLOCK;
                return Ok(format!("{}", got <= budget && got > budget * 8 / 10));
            }
            block.resize(BLOCK, 1);
            held.push(block);
        }
    }
}
