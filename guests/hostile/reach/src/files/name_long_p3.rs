//! Reads a name of a megabyte.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3(&format!("/data/{}", "a".repeat(1 << 20))).await
    }
}
