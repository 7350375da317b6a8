//! Makes a file where it may only read.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        write3("/data/new.txt", 1).await
    }
}
