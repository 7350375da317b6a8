//! Changes the options of its nodes all the time, each to a tree of a quarter of a megabyte.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        let options = format!("{{\"a\":{}}}", objects(2_000));
        for wide in WIDES {
            for node in raw::nodes(wide)? {
                for n in 0..WIDE {
                    let _ = node.set_value_options(&format!("p{n}"), &options);
                }
            }
        }
        Ok(())
    }
}
