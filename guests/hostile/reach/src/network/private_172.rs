//! Connects to another private network.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("172.31.255.1:80").await
    }
}
