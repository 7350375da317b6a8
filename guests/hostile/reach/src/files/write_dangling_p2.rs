//! Makes a file outside through a link that leads to nothing yet, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        write2("dangling", 3)
    }
}
