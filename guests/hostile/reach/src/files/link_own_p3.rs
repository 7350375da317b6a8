//! Makes a link of its own to a file above and reads through it, by WASI 0.3.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder3().symlink_at("../secret.txt".to_owned(), "own".to_owned()).await.map_err(no)?;
        read3("/data/own").await
    }
}
