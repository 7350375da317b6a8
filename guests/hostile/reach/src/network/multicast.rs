//! Connects to many machines at once.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("224.0.0.1:80").await
    }
}
