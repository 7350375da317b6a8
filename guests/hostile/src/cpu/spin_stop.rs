//! Spins in `stop`.

use crate::attack::*;

crate::attack! {
    async fn stop() {
        spin();
    }
}
