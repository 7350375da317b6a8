//! Makes streams without end.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut held = Vec::new();
        loop {
            held.push(external_worker::bindings::wit_stream::new::<u8>());
        }
    }
}
