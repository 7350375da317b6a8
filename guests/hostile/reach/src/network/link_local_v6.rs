//! Connects to the same link.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[fe80::1]:80").await
    }
}
