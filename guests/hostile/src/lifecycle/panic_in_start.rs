//! Panics in `start`.

use crate::attack::*;

crate::attack! {
    async fn start() -> Result {
        panic!("the guest gave up");
    }
}
