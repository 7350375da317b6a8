//! Opens a port at a rate that was not granted.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        open("bench", 115_200).await.map(name)
    }
}
