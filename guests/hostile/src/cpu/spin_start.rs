//! Spins in `start`.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        spin()
    }
}
