//! Asks for a whole address instead of a path.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        absolute2(&to, "http://internal.example/")
    }
}
