//! Answers with a text that is much longer than a value may be.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok("a".repeat(8_000_000))
    }
}
