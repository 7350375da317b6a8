//! Sends a datagram to where it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        datagram3("127.0.0.1:9", false).await
    }
}
