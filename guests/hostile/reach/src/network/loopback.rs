//! Connects to another port of the machine itself.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("127.0.0.1:9").await
    }
}
