//! Writes through a link to a file above.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        write3("/data/relative", 3).await
    }
}
