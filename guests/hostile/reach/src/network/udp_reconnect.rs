//! Connects a datagram socket to where it may, then to where it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let socket = UdpSocket::bind("0.0.0.0:0").await?;
        socket.connect(&to).await?;
        socket.connect("127.0.0.1:9").await?;
        socket.send(b"hi").await.map(done)
    }
}
