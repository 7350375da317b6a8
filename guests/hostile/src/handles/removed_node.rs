//! Keeps a handle of a node and sets its value after it was removed.

use crate::attack::*;

thread_local! {
    static NODES: std::cell::Cell<Vec<raw::Node>> = const { std::cell::Cell::new(Vec::new()) };
}

crate::attack! {
    async fn call(to: String) -> Result<String> {
        if to == "take" {
            NODES.set(raw::nodes("attack")?);
            return Ok(String::new());
        }
        for node in NODES.take() {
            node.set_value("to", &Value::None, Trigger::Yes)?;
        }
        Ok("set".to_owned())
    }
}
