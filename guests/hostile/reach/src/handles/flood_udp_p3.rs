//! Makes UDP sockets until it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(hoard(10_000, || net::UdpSocket::create(net::IpAddressFamily::Ipv4).map_err(no)))
    }
}
