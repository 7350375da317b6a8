//! Opens a port that another instance has.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        open("bench", 9600).await.map(name)
    }
}
