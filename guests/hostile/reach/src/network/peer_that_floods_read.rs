//! Reads all that a peer sends without end.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let peer = TcpStream::connect(&to).await?;
        Ok(peer.read_to_end(usize::MAX).await?.len().to_string())
    }
}
