//! Offers a shelf that stands on one that is not there.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        Some(vec![shelf("a", None), shelf("b", Some(u32::MAX))])
    }
}
