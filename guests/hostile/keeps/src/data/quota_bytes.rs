//! Writes more than its quota.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        write2("large", 1_000_000)
    }
}
