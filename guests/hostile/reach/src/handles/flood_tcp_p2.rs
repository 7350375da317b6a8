//! Makes TCP sockets until it may not, by WASI 0.2.

use crate::ways::*;
use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(hoard(10_000, || create_tcp_socket(IpAddressFamily::Ipv4).map_err(no)))
    }
}
