//! Writes one byte at the end of the largest file there could be.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let (path, open) = (p2::PathFlags::empty(), p2::OpenFlags::CREATE);
        let file = folder2().open_at(path, "large", open, p2::DescriptorFlags::WRITE).map_err(no2)?;
        file.write(&[1], u64::MAX - 1).map_err(no2)?;
        Ok("written".to_owned())
    }
}
