//! Looks up a name that clears the screen.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up("\x1b[2J.example").await
    }
}
