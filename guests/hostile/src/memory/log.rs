//! Logs a line of a megabyte.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::log(raw::Level::Info, &"a".repeat(1_000_000));
        Ok(String::new())
    }
}
