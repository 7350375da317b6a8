//! Offers two hundred shelves that stand on each other.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        Some((0..200_u32).map(|n| shelf("a", n.checked_sub(1))).collect())
    }
}
