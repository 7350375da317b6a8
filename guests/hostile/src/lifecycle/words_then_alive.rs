//! Says its last words and lives on.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::panicked("farewell");
        Ok("still here".to_owned())
    }
}
