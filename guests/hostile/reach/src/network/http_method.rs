//! Asks with a method that was not granted.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        ask("POST", &format!("http://{to}/")).await
    }
}
