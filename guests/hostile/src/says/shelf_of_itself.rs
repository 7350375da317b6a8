//! Offers a shelf that stands on itself.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        Some(vec![shelf("a", Some(0))])
    }
}
