//! Emits JSON that is nested thirty thousand times.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::emit("event", &format!("{}{}", "[".repeat(30_000), "]".repeat(30_000)))?;
        Ok(String::new())
    }
}
