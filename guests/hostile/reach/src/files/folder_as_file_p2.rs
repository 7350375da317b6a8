//! Reads a folder as if it were a file, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read2("sub")
    }
}
