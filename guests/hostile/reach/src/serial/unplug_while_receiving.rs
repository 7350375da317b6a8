//! Receives from a device that is unplugged meanwhile.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let port = open("bench", 9600).await?;
        let receiver = port.receive()?;
        log("reads");
        Ok(receiver.read(1).await?.len().to_string())
    }
}
