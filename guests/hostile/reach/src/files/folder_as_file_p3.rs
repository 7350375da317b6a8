//! Reads a folder as if it were a file.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/sub").await
    }
}
