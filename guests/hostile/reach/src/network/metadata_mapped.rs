//! Asks the metadata service by its IPv4-mapped address.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[::ffff:169.254.169.254]:80").await
    }
}
