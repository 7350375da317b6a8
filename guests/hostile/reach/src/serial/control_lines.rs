//! Sets control lines that a device does not have.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let port = open("bench", 9600).await?;
        port.set_data_terminal_ready(true)?;
        port.set_request_to_send(true).map(done)
    }
}
