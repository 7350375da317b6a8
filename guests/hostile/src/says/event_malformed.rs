//! Emits what is no JSON.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::emit("event", "{\"a\":}")?;
        Ok(String::new())
    }
}
