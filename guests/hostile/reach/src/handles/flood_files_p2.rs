//! Opens a file until it may not, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(hoard(10_000, || Ok(std::fs::File::open("/data/hello.txt")?)))
    }
}
