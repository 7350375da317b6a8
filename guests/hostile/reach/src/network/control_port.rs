//! Connects to the server that serves it.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        connect3(&to).await
    }
}
