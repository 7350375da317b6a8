//! Connects to the host that it runs in, where loopback was granted.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        connect3(&to).await
    }
}
