//! Sets two hundred inputs of its nodes to what is small as text and large as a tree, again and again.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let value = Value::Json(objects(15_000));
        for wide in WIDES {
            for node in raw::nodes(wide)? {
                for n in 0..WIDE {
                    let _ = node.set_value(&format!("p{n}"), &value, Trigger::Yes);
                }
            }
        }
        Ok(())
    }
}
