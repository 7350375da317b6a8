//! Looks up an address that is written in hexadecimal.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up("0x7f000001").await
    }
}
