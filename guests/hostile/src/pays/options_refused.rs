//! Sets the options of two hundred inputs again and again, though it is told that it is too often.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        raw::set_loop_delay(20);
        Ok(())
    }

    async fn turn() -> Result {
        // As large a tree as options may be: what is larger is refused for that.
        let options = format!("{{\"a\":{}}}", objects(7_000));
        for wide in WIDES {
            let class = raw::get_node_class(wide)?;
            for n in 0..WIDE {
                let _ = class.set_value_options(&format!("p{n}"), &options);
                let _ = class.set_render_options(&format!("p{n}"), &options);
            }
        }
        Ok(())
    }
}
