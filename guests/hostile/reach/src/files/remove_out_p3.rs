//! Removes a file outside.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        files::remove_file("/data/up/secret.txt").await.map(done)
    }
}
