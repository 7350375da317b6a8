//! Opens a port and changes to a rate that was not granted.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let port = open("bench", 9600).await?;
        port.configure(Settings::new(115_200)).map(done)
    }
}
