//! Connects to a network for measurements.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect3("198.18.0.1:80").await
    }
}
