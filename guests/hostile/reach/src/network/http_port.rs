//! Asks another port.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        ask("GET", "http://127.0.0.1:9/").await
    }
}
