//! Moves a file out of the folder, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        folder2().rename_at("hello.txt", &folder2(), "../stolen.txt").map(done).map_err(no2)
    }
}
