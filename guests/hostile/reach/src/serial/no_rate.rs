//! Opens a port at no rate at all.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        open("bench", 0).await.map(name)
    }
}
