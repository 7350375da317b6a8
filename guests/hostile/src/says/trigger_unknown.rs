//! Triggers the nodes of a method that it does not have.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::request_trigger("\x1b[2Jnothing")?;
        Ok(String::new())
    }
}
