//! Makes a file whose name clears the screen.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        write3("/data/\x1b[2J\n\u{202e}x", 1).await
    }
}
