//! Does not start, and says so with escapes.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        Err(Error::internal("\x1b]0;owned\x07"))
    }
}
