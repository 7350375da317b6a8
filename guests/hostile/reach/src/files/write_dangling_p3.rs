//! Makes a file outside through a link that leads to nothing yet.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        write3("/data/dangling", 3).await
    }
}
