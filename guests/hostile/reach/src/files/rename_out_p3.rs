//! Moves a file out of the folder.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        files::rename("/data/hello.txt", "/data/../stolen.txt").await.map(done)
    }
}
