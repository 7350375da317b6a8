//! Asks over TLS where only plain HTTP was granted.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        ask("GET", &format!("https://{to}/")).await
    }
}
