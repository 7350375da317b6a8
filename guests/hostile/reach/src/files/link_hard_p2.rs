//! Makes a hard link to a file outside through a link.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let folder = folder2();
        let follow = p2::PathFlags::SYMLINK_FOLLOW;
        folder.link_at(follow, "absolute", &folder, "mine").map_err(no2)?;
        read2("mine")
    }
}
