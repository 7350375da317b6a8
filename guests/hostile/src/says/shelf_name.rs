//! Offers a shelf whose name clears the screen.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        Some(vec![shelf("\x1b[2J", None)])
    }
}
