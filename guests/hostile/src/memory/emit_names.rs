//! Emits events whose names are a megabyte long.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let name = "a".repeat(1_000_000);
        let emitted = (0..20).filter(|_| raw::emit(&name, "1").is_ok()).count();
        Ok(emitted.to_string())
    }
}
