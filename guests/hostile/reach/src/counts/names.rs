//! Makes empty files without end where bytes are counted.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for n in 0..40_000 {
            open2(&format!("n{n}"), p2::OpenFlags::CREATE, p2::DescriptorFlags::WRITE)?;
        }
        Ok("no end".to_owned())
    }
}
