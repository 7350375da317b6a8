//! Opens a file for reading and cuts it in the same breath, by WASI 0.3.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let (path, open) = (p3::PathFlags::empty(), p3::OpenFlags::TRUNCATE);
        folder3().open_at(path, "hello.txt".to_owned(), open, p3::DescriptorFlags::READ).await.map_err(no)?;
        Ok("cut".to_owned())
    }
}
