//! Asks a server whose name leads to the machine itself.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let url = format!("http://inside.example:{}/", to.rsplit(":").next().unwrap_or_default());
        ask("GET", &url).await
    }
}
