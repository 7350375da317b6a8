//! Reads through a link to the folder above and down again, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read2("up/granted/../secret.txt")
    }
}
