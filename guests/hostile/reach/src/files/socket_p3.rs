//! Reads a socket of the host.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/socket").await
    }
}
