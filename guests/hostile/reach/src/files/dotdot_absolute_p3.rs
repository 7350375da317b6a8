//! Reads from the root.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/etc/passwd").await
    }
}
