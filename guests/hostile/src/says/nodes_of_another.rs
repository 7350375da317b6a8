//! Asks for the nodes of another instance by their id.

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        Ok(raw::nodes(&to)?.len().to_string())
    }
}
