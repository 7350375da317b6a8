//! Sets an input that its nodes do not have.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::get_node_class("attack")?.set_default("nothing", None)?;
        Ok(String::new())
    }
}
