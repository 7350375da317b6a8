//! Lists a folder again and again and reads none of the lists.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(hoard(10_000, || folder2().read_directory().map_err(no)))
    }
}
