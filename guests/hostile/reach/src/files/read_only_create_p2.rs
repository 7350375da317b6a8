//! Makes a file where it may only read, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        write2("new.txt", 1)
    }
}
