//! Makes a link to its folder and climbs out of that.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().symlink_at(".", "here").map_err(no2)?;
        read2("here/here/../../../../../etc/passwd")
    }
}
