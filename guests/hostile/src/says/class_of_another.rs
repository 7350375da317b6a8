//! Asks for the node class of another instance by its id.

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        raw::get_node_class(&to)?;
        Ok(String::new())
    }
}
