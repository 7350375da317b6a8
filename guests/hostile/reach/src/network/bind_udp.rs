//! Receives datagrams where it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(UdpSocket::bind("127.0.0.1:53").await?.local_addr()?.to_string())
    }
}
