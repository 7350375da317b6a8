//! Offers two shelves of one name.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        Some(vec![shelf("a", None), shelf("a", None)])
    }
}
