//! Reads through the link of the kernel to the root of the host, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read2("root/etc/passwd")
    }
}
