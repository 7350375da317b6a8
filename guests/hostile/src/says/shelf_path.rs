//! Offers a shelf whose name leads to another.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        Some(vec![shelf("a/../b", None)])
    }
}
