//! Reads through a link to a file outside.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/absolute").await
    }
}
