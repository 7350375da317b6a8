//! Sets two hundred inputs of its nodes to pictures as large as may be set, again and again.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let value = media("image/png", vec![7; 60_000]);
        for wide in WIDES {
            for node in raw::nodes(wide)? {
                for n in 0..WIDE {
                    let _ = node.set_value(&format!("p{n}"), &value, Trigger::No);
                }
            }
        }
        Ok(())
    }
}
