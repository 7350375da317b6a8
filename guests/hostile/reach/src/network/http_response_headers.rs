//! Reads a response of a hundred thousand headers.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        ask("GET", &format!("http://{to}/headers")).await
    }
}
