//! Reads through a link to the folder above and down again.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/up/granted/../secret.txt").await
    }
}
