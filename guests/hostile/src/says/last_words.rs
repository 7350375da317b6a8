//! Ends with last words that clear the screen.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::panicked("\x1b[2Jall is well\nnothing happened\u{202e}");
        std::process::abort()
    }
}
