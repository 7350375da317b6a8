//! Sends a datagram of a megabyte.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        socket.send_to(&vec![1; 1 << 20], "8.8.8.8:53").await.map(done)
    }
}
