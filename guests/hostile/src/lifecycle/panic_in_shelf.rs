//! Panics in `get-nodeshelf`.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        panic!("the guest gave up");
    }
}
