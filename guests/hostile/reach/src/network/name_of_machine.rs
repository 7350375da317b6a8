//! Looks up the name of the machine itself.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up("localhost").await
    }
}
