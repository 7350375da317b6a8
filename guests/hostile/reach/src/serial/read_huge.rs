//! Reads four gigabytes at once.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let port = open("bench", 9600).await?;
        port.write_all(b"*IDN?\n").await?;
        Ok((port.read(usize::MAX).await?.len() < 1_000).to_string())
    }
}
