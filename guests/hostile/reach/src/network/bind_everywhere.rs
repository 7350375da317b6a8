//! Listens on all addresses.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(TcpListener::bind("0.0.0.0:0").await?.local_addr()?.to_string())
    }
}
