//! Logs a hundred thousand lines that clear the screen.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for line in 0..100_000 {
            raw::log(raw::Level::Error, &format!("\x1b[2Jline {line}\nforged line"));
        }
        Ok(String::new())
    }
}
