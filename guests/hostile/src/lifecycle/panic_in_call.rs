//! Panics in a call.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        panic!("the guest gave up");
    }
}
