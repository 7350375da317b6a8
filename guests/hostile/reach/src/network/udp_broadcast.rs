//! Sends a datagram to everybody.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        datagram3("255.255.255.255:9", false).await
    }
}
