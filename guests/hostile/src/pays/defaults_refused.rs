//! Sets the defaults of two hundred inputs again and again, though it is told that it is too often.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let value = Value::Json(objects(60_000));
        for wide in WIDES {
            let class = raw::get_node_class(wide)?;
            for n in 0..WIDE {
                let _ = class.set_default(&format!("p{n}"), Some(&value));
            }
        }
        Ok(())
    }
}
