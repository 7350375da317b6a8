//! Offers a hundred and fifty nodes on its shelves, and asks all the time that they are read again.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let _ = raw::emit("nodes_update", "null");
        Ok(())
    }

    fn shelves() -> Option<Vec<Shelf>> {
        let ports: Vec<_> = (0..4).map(|n| any(&format!("p{n}"))).collect();
        let nodes: Vec<_> = (0..150).map(|n| node(&format!("n{n}"), ports.clone())).collect();
        Some(vec![Shelf { nodes, ..shelf("a", None) }])
    }
}
