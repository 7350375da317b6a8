//! Emits an event of eight megabytes.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::emit("large", &"a".repeat(8_000_000))?;
        Ok(String::new())
    }
}
