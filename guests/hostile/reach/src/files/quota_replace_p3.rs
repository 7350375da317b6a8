//! Writes, removes and writes again, so that the count might drift.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for _ in 0..200 {
            write3("/data/again", 30_000).await?;
            files::remove_file("/data/again").await?;
        }
        write3("/data/again", 60_000).await
    }
}
