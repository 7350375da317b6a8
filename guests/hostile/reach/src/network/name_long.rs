//! Looks up a name of a megabyte.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up(&"a.".repeat(500_000)).await
    }
}
