//! Takes handles of its node class until it gets no more, three times.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let once = || hoard(1_000_000, || Ok(raw::get_node_class("attack")?));
        Ok(format!("{}, {}, {}", once(), once(), once()))
    }
}
