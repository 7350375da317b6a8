//! Spins in `get-nodeshelf`.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        spin()
    }
}
