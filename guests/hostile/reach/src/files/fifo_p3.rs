//! Reads a pipe that nobody writes to.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/fifo").await
    }
}
