//! Makes a hard link where it may only read.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let folder = folder2();
        folder.link_at(p2::PathFlags::empty(), "hello.txt", &folder, "again").map_err(no2)?;
        Ok("linked".to_owned())
    }
}
