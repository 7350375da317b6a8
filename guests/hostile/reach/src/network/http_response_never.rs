//! Waits for a response that does not come.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        ask("GET", &format!("http://{to}/never")).await
    }
}
