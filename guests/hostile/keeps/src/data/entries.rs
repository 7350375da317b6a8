//! Makes a million entries.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let folder = folder2();
        for n in 0..1_000_000 {
            if let Err(error) = folder.create_directory_at(&format!("n{n}")) {
                return Ok(format!("{n} and {}", error.name()));
            }
        }
        Ok("no end".to_owned())
    }
}
