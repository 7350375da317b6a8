//! Connects to the machine itself by IPv6.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[::1]:9").await
    }
}
