//! Connects to no address, which is the machine itself.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("0.0.0.0:9").await
    }
}
