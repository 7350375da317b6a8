//! Sets inputs of its nodes as often as it can, each of which makes the node run.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        for node in raw::nodes("attack")? {
            let _ = node.set_value("to", &Value::Text("again".to_owned()), Trigger::Yes);
        }
        Ok(())
    }
}
