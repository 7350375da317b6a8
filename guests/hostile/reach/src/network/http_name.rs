//! Asks the same server by another name.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        ask("GET", &format!("http://localhost:{}/", to.rsplit(':').next().unwrap_or_default())).await
    }
}
