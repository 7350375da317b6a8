//! Writes eight megabytes to a slow device.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let port = open("bench", 9600).await?;
        port.set_timeout(Duration::from_secs(3_600));
        port.write_all(&vec![b'x'; 8_000_000]).await.map(done)
    }
}
