//! Makes a folder where it may only read.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        files::create_folder("/data/new").await.map(done)
    }
}
