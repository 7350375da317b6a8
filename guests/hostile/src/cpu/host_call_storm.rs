//! Does nothing but ask the host for what is not there.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        loop {
            let _ = raw::get_node_class("nothing");
        }
    }
}
