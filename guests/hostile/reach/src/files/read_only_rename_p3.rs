//! Renames a file where it may only read.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        files::rename("/data/hello.txt", "/data/b").await.map(done)
    }
}
