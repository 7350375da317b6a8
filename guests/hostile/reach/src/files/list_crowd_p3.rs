//! Lists a folder of five thousand files.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(files::list("/data/crowd").await?.len().to_string())
    }
}
