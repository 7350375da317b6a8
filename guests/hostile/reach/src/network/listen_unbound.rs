//! Listens on a socket that was never bound.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let socket = net::TcpSocket::create(net::IpAddressFamily::Ipv4).map_err(no)?;
        socket.listen().map_err(no)?;
        Ok(format!("{:?}", socket.get_local_address()))
    }
}
