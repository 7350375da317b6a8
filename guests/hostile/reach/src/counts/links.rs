//! Makes links without end where bytes are counted.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for n in 0..40_000 {
            folder2().symlink_at("hello.txt", &format!("n{n}")).map_err(no2)?;
        }
        Ok("no end".to_owned())
    }
}
