//! Looks up an address that is written as one number.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up("2130706433").await
    }
}
