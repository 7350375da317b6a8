//! Makes a link of its own to a file above and reads through it.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().symlink_at("../secret.txt", "own").map_err(no2)?;
        read2("own")
    }
}
