//! Connects to the private network of a home.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("192.168.1.1:80").await
    }
}
