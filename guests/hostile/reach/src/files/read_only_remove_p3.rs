//! Removes a file where it may only read.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        files::remove_file("/data/hello.txt").await.map(done)
    }
}
