//! Offers a shelf with ten thousand nodes.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        let mut shelf = shelf("a", None);
        shelf.nodes = (0..10_000).map(|n| node(&n.to_string(), Vec::new())).collect();
        Some(vec![shelf])
    }
}
