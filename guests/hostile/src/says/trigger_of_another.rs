//! Triggers a node of another instance by its id.

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        raw::request_trigger(&to)?;
        Ok(String::new())
    }
}
