//! Opens a file until it may not, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let (follow, how) = (p2::PathFlags::empty(), p2::OpenFlags::empty());
        let folder = folder2();
        Ok(hoard2(|| folder.open_at(follow, "hello.txt", how, p2::DescriptorFlags::READ)))
    }
}
