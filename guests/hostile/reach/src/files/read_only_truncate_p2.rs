//! Opens a file for reading and cuts it in the same breath.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let (path, open) = (p2::PathFlags::empty(), p2::OpenFlags::TRUNCATE);
        folder2().open_at(path, "hello.txt", open, p2::DescriptorFlags::READ).map_err(no2)?;
        Ok("cut".to_owned())
    }
}
