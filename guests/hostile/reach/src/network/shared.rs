//! Connects to the network of a carrier.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("100.64.0.1:80").await
    }
}
