//! Reads from a device that is unplugged meanwhile.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let port = open("bench", 9600).await?;
        port.set_timeout(Duration::from_secs(3_600));
        log("reads");
        Ok(port.read(1).await?.len().to_string())
    }
}
