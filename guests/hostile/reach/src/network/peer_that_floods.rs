//! Connects to a peer that sends without end, and reads nothing.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let peer = TcpStream::connect(&to).await?;
        timer::sleep(300).await;
        peer.read(1).await.map(|bytes| bytes.len().to_string())
    }
}
