//! Logs a line of eight megabytes.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::log(raw::Level::Info, &"a".repeat(8_000_000));
        Ok(String::new())
    }
}
