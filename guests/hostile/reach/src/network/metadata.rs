//! Asks the metadata service of a cloud.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("169.254.169.254:80").await
    }
}
