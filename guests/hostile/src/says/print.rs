//! Prints what clears the screen, to both streams.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        println!("\x1b[2Jline\rforged\u{202e}");
        eprintln!("\x1b[2Jline\rforged\u{202e}");
        Ok(String::new())
    }
}
