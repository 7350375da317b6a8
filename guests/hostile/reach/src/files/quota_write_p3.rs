//! Writes more than its quota.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        write3("/data/large", 1_000_000).await
    }
}
