//! Looks up a name that leads to the machine itself, by way of IPv6.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up("mapped.example").await
    }
}
