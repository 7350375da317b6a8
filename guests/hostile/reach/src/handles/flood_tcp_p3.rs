//! Makes TCP sockets until it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(hoard(10_000, || net::TcpSocket::create(net::IpAddressFamily::Ipv6).map_err(no)))
    }
}
