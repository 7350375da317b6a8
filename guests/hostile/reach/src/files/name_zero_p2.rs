//! Reads a name with a zero byte in it, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read2("hello.txt\0/../../secret.txt")
    }
}
