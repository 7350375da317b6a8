//! Moves a file from outside into the folder.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        files::rename("/data/../secret.txt", "/data/mine.txt").await.map(done)
    }
}
