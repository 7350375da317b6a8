//! Logs a line that reads as another: bidirectional overrides, carriage returns, a bell.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::log(raw::Level::Info, "a\rb\u{202e}c\u{2066}d\x07e\u{9b}2Jf\u{85}g\0h");
        Ok(String::new())
    }
}
