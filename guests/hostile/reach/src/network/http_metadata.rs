//! Asks the metadata service of a cloud over HTTP.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        ask("GET", "http://169.254.169.254/latest/meta-data/").await
    }
}
