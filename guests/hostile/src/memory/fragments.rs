//! Takes all memory in pieces, gives every second one back, and wants bigger ones.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let take = |size: usize| {
            let mut block: Vec<u8> = Vec::new();
            block.try_reserve_exact(size).is_ok().then_some(block)
        };
        let mut held: Vec<_> = std::iter::from_fn(|| take(1024)).collect();
        let mut keep = false;
        held.retain(|_| {
            keep = !keep;
            keep
        });
        let bigger = std::iter::from_fn(|| take(4096)).count();
        Ok(format!("{}", held.len() > 10_000 && bigger < 1_000))
    }
}
