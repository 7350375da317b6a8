//! Fails in its loop with escapes.

use crate::attack::*;

crate::attack! {
    async fn turn() -> Result {
        Err(Error::internal("\x1b]0;owned\x07"))
    }
}
