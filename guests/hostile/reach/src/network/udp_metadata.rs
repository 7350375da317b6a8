//! Sends a datagram to the metadata service.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        datagram3("169.254.169.254:53", false).await
    }
}
