//! Reads the environment of the host through a link.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/proc").await
    }
}
