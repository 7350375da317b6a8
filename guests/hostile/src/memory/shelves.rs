//! Offers ten thousand shelves.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        Some((0..10_000).map(|n| shelf(&n.to_string(), None)).collect())
    }
}
