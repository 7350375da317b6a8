//! Removes a file where it may only read, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().unlink_file_at("hello.txt").map(done).map_err(no2)
    }
}
