//! Emits an event whose name clears the screen and forges a line.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::emit("\x1b[2Jevent\nforged \u{202e}", "1")?;
        Ok(String::new())
    }
}
