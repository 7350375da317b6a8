//! Reads the folder above with slashes that say nothing.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data//.//..///secret.txt").await
    }
}
