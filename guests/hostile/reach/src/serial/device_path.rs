//! Opens a port by the path of its device.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        open(&to, 9600).await.map(name)
    }
}
