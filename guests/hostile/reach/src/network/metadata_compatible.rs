//! Asks the metadata service by its IPv4-compatible address.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[::169.254.169.254]:80").await
    }
}
