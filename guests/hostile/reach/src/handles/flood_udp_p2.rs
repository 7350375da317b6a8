//! Makes UDP sockets until it may not, by WASI 0.2.

use crate::ways::*;
use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::udp_create_socket::create_udp_socket;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(hoard(10_000, || create_udp_socket(IpAddressFamily::Ipv4).map_err(no)))
    }
}
