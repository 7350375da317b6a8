//! Spins in `update-config`.

use crate::attack::*;

crate::attack! {
    async fn update_config() -> Result {
        spin()
    }
}
