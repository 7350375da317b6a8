//! Reads a link that leads to itself, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read2("loop")
    }
}
