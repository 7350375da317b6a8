//! Makes a folder where it may only read, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().create_directory_at("new").map(done).map_err(no2)
    }
}
