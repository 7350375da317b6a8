//! Receives from a port in two streams at once.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let port = open("bench", 9600).await?;
        let _one = port.receive()?;
        port.receive().map(|_| "two".to_owned())
    }
}
