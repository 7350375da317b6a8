//! Asks how large a file outside is.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        files::metadata("/data/up/secret.txt").await.map(|file| file.size.to_string())
    }
}
