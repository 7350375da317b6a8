//! Makes a link out of its folder and reads through it.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().symlink_at("../../../../../etc/passwd", "out").map_err(no2)?;
        read2("out")
    }
}
