//! Connects to a private network of IPv6.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[fc00::1]:80").await
    }
}
