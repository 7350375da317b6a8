//! Connects to the server that serves it, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        connect2(&to)
    }
}
