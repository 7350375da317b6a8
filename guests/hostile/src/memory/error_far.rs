//! Fails with eight megabytes.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Err(Error::internal("a".repeat(8_000_000)))
    }
}
