//! Opens as many files as it may and keeps them.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        let how = (p3::OpenFlags::empty(), p3::DescriptorFlags::READ);
        for _ in 0..10_000 {
            let name = "hello.txt".to_owned();
            match folder3().open_at(p3::PathFlags::empty(), name, how.0, how.1).await {
                Ok(file) => std::mem::forget(file),
                Err(_) => break,
            }
        }
        Ok(())
    }
}
