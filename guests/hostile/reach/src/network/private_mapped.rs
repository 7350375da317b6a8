//! Connects to a private network by an IPv4-mapped address.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[::ffff:10.0.0.1]:80").await
    }
}
