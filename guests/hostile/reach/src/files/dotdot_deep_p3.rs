//! Reads the folder above through folders inside.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/sub/../../secret.txt").await
    }
}
