//! Looks up an address that is written in octal.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up("0177.0.0.1").await
    }
}
