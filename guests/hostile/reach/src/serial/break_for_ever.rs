//! Begins a break and does not end it.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let port = open("bench", 9600).await?;
        port.set_break(true).map(done)
    }
}
