//! Opens streams of one file until it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let (path, open) = (p2::PathFlags::empty(), p2::OpenFlags::empty());
        let file = folder2().open_at(path, "hello.txt", open, p2::DescriptorFlags::READ).map_err(no2)?;
        Ok(hoard2(|| file.read_via_stream(0)))
    }
}
