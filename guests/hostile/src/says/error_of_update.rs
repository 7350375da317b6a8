//! Refuses a configuration with escapes.

use crate::attack::*;

crate::attack! {
    async fn update_config() -> Result {
        Err(Error::invalid_config("\x1b]0;owned\x07"))
    }
}
