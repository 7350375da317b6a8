//! Ends itself in one call while others wait.

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        if to == "wait" {
            hours().await;
        }
        std::process::abort()
    }
}
