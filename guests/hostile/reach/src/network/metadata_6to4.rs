//! Asks the metadata service through 6to4.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("[2002:a9fe:a9fe::1]:80").await
    }
}
