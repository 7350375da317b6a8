//! Sets the options of its class to JSON that is none.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::get_node_class("attack")?.set_value_options("to", "{\"options\":[1,}")?;
        Ok(String::new())
    }
}
