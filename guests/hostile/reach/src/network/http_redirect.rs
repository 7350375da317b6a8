//! Follows a redirect to where it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let first = http::get(format!("http://{to}/to/http://127.0.0.1:9/")).send().await?;
        ask("GET", first.header("location").unwrap_or_default()).await
    }
}
