//! Sets the render options of its class to a megabyte.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let options = format!("\"{}\"", "a".repeat(1_000_000));
        raw::get_node_class("attack")?.set_render_options("to", &options)?;
        Ok(String::new())
    }
}
