//! Offers a shelf with a description of eight megabytes.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        let mut shelf = shelf("a", None);
        shelf.description = Some("a".repeat(8_000_000));
        Some(vec![shelf])
    }
}
