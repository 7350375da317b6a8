//! Reads through a link to a file above, with a slash at its end, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read2("relative/")
    }
}
