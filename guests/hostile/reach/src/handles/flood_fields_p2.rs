//! Makes sets of HTTP headers until it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(hoard(1_000_000, || Ok(wasip2::http::types::Fields::new())))
    }
}
