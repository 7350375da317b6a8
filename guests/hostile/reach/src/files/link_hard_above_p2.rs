//! Makes a hard link to a file above.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let folder = folder2();
        folder.link_at(p2::PathFlags::empty(), "../secret.txt", &folder, "mine").map_err(no2)?;
        read2("mine")
    }
}
