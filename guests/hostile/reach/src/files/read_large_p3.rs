//! Reads a file of a gibibyte into its memory.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let text = files::read("/data/large").await?;
        Ok(text.len().to_string())
    }
}
