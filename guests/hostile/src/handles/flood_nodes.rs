//! Takes handles of all its nodes, again and again.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(hoard(1_000_000, || Ok(raw::nodes("attack")?)))
    }
}
