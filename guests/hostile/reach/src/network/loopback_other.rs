//! Connects to another name of the machine itself.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("127.1.2.3:9").await
    }
}
