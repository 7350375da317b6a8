//! Sets the default of its class to JSON that is none.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::get_node_class("attack")?.set_default("to", Some(&Value::Json("{".to_owned())))?;
        Ok(String::new())
    }
}
