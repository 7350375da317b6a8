//! Looks up the metadata service of a cloud.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up("metadata.google.internal").await
    }
}
