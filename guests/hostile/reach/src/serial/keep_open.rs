//! Opens a port and ends without closing it.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        std::mem::forget(open("bench", 9600).await?);
        std::process::abort()
    }
}
