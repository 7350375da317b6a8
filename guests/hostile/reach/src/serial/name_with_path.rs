//! Opens a port by a name that leads elsewhere.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        open("../bench", 9600).await.map(name)
    }
}
