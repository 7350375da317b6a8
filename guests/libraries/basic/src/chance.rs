//! Numbers that nobody has chosen: SplitMix64, which begins with what the standard library begins its hash
//! maps with. That needs no grant.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0u8));
}

fn next() -> u64 {
    let state = STATE.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// From 0 to 1, which it is not.
pub fn fraction() -> f64 {
    // As many bits as a number has.
    (next() >> 11) as f64 / (1u64 << 53) as f64
}

/// From 0 to `count`, which it is not; 0 for none.
pub fn below(count: u64) -> u64 {
    // The upper half of the product: each is as likely as another, but for one in 2^64 / count.
    let product = u128::from(next()) * u128::from(count);
    u64::try_from(product >> 64).unwrap_or(0)
}
