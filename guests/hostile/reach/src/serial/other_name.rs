//! Opens a port that was not granted.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        open("other", 9600).await.map(name)
    }
}
