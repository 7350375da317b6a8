//! Asks where a link to the outside leads.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().readlink_at("absolute").map_err(no2)
    }
}
