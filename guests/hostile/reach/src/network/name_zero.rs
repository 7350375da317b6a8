//! Looks up a name with a zero byte in it.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up("localhost\0.example.com").await
    }
}
