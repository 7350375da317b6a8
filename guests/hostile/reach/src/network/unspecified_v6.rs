//! Connects to no address of IPv6.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[::]:9").await
    }
}
