//! Offers a node with a type that is no JSON.

use crate::attack::*;

crate::attack! {
    fn shelves() -> Option<Vec<Shelf>> {
        let mut shelf = shelf("a", None);
        let mut port = port("p");
        port.type_ = "{".to_owned();
        shelf.nodes = vec![node("n", vec![port])];
        Some(vec![shelf])
    }
}
