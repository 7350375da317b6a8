//! Spins in a turn of the loop.

use crate::attack::*;

crate::attack! {
    async fn turn() -> Result {
        spin()
    }
}
