//! Connects to all machines at once.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("255.255.255.255:80").await
    }
}
