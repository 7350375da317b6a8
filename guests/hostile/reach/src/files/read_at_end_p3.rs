//! Reads at the end of the largest file there could be.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let text = files::read_at("/data/hello.txt", u64::MAX, 1 << 30).await?;
        Ok(text.len().to_string())
    }
}
