//! Says a thousand times that its nodes have changed.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let taken = (0..1_000).filter(|_| raw::emit("nodes_update", "null").is_ok());
        Ok(format!("{}", taken.count() < 500))
    }
}
