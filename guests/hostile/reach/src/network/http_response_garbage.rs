//! Reads what is no response.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        ask("GET", &format!("http://{to}/garbage")).await
    }
}
