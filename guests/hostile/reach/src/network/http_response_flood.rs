//! Reads a response that does not end.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let response = http::get(format!("http://{to}/flood")).max_body(usize::MAX).send().await?;
        Ok(response.body().len().to_string())
    }
}
