//! Looks up a name that leads to the machine itself.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        look_up("inside.example").await
    }
}
