//! Reads a name with a zero byte in it.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/hello.txt\0/../../secret.txt").await
    }
}
