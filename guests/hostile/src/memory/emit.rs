//! Emits an event that is larger than one may be.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::emit("large", &format!("\"{}\"", "a".repeat(1_000_000)))?;
        Ok(String::new())
    }
}
