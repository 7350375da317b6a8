//! Removes its folder, to put a link in its place.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().remove_directory_at(".").map(done).map_err(no2)
    }
}
