//! Adds to a file until it is more than its quota.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        loop {
            files::append("/data/large", vec![1; 10_000]).await?;
        }
    }
}
