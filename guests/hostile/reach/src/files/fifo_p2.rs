//! Reads a pipe that nobody writes to, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read2("fifo")
    }
}
