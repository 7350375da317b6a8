//! Ends the process that it is not.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        std::process::exit(0)
    }
}
