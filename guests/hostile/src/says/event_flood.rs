//! Emits ten thousand events.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let taken = (0..10_000).filter(|n| raw::emit("event", &n.to_string()).is_ok());
        Ok(format!("{}", taken.count() < 1_000))
    }
}
