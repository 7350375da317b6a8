//! Makes two links that lead to each other, and follows them.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().symlink_at("two", "one").map_err(no2)?;
        folder2().symlink_at("one", "two").map_err(no2)?;
        read2("one")
    }
}
