//! Ends the process in `start`.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        std::process::exit(0)
    }
}
