//! Panics in `stop`.

use crate::attack::*;

crate::attack! {
    async fn stop() {
        panic!("the guest gave up");
    }
}
