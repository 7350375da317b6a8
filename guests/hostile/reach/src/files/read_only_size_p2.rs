//! Changes the size of a file that it opened for reading.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let (path, open) = (p2::PathFlags::empty(), p2::OpenFlags::empty());
        let file = folder2().open_at(path, "hello.txt", open, p2::DescriptorFlags::READ).map_err(no2)?;
        file.set_size(0).map_err(no2)?;
        Ok("cut".to_owned())
    }
}
