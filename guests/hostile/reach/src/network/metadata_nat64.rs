//! Asks the metadata service through NAT64.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[64:ff9b::a9fe:a9fe]:80").await
    }
}
