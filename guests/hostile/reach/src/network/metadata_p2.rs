//! Asks the metadata service of a cloud, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect2("169.254.169.254:80")
    }
}
