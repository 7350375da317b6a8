//! Opens a file until it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut held = Vec::new();
        loop {
            let (path, open) = (p3::PathFlags::empty(), p3::OpenFlags::empty());
            let name = "hello.txt".to_owned();
            match folder3().open_at(path, name, open, p3::DescriptorFlags::READ).await {
                Ok(file) => held.push(file),
                Err(error) => return Ok(format!("{} and {error:?}", held.len())),
            }
        }
    }
}
