//! Makes a folder outside.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        files::create_folder("/data/up/mine").await.map(done)
    }
}
