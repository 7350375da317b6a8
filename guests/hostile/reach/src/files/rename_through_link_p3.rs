//! Moves a file out through a link to the folder above.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        files::rename("/data/hello.txt", "/data/up/stolen.txt").await.map(done)
    }
}
