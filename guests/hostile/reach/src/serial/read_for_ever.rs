//! Waits for a device that says nothing, for as long as it can.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let port = open("bench", 9600).await?;
        port.set_timeout(Duration::from_secs(u64::from(u32::MAX)));
        Ok(port.read(1).await?.len().to_string())
    }
}
