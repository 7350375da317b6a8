//! Spins in a call.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        spin()
    }
}
