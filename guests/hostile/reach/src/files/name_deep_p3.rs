//! Reads through a hundred thousand folders.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3(&format!("/data/{}hello.txt", "./".repeat(100_000))).await
    }
}
