//! Makes a link of its own to a file of the host.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().symlink_at("/etc/passwd", "own").map_err(no2)?;
        read2("own")
    }
}
