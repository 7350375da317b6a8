//! Ends in its first turn, each time that it is started again.

use crate::attack::*;

crate::attack! {
    async fn turn() -> Result {
        std::process::abort()
    }
}
