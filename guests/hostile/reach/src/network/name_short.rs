//! Looks up an address with parts left out.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up("127.1").await
    }
}
