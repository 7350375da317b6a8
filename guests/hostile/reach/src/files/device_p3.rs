//! Reads a device without end through a link.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        read3("/data/zero").await
    }
}
