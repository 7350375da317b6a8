//! Takes memory and does not care whether it gets it.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut held: Vec<Vec<u8>> = Vec::new();
        loop {
            held.push(vec![1; 64 * 1024]);
        }
    }
}
