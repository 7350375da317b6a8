//! Takes handles and never gives one back.

use external_worker::prelude::*;

/// Hoards when it is called.
#[derive(Default)]
pub struct HandleFlood;

#[external_worker(id = "handle_flood")]
impl HandleFlood {
    /// Takes handles of its own node class until it gets no more; says how many it got, then gives
    /// them back.
    #[node]
    fn flood(&self) -> Result<i64> {
        let mut held = Vec::new();
        while held.len() < 1_000_000 {
            match crate::raw::get_node_class("flood") {
                Ok(handle) => held.push(handle),
                Err(_refused) => return Ok(held.len() as i64),
            }
        }
        Ok(-1)
    }
}
