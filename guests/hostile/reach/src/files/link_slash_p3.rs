//! Reads through a link to a file above, with a slash at its end.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/relative/").await
    }
}
