//! Reads the folder above by `..`.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/../secret.txt").await
    }
}
