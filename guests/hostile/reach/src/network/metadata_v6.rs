//! Asks the metadata service by its IPv6 address.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[fd00:ec2::254]:80").await
    }
}
