//! Stretches a file beyond its quota without writing.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let (path, open) = (p2::PathFlags::empty(), p2::OpenFlags::CREATE);
        let file = folder2().open_at(path, "large", open, p2::DescriptorFlags::WRITE).map_err(no2)?;
        file.set_size(1 << 40).map_err(no2)?;
        Ok("stretched".to_owned())
    }
}
