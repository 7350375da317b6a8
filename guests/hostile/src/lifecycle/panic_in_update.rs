//! Panics in `update-config`.

use crate::attack::*;

crate::attack! {
    async fn update_config() -> Result {
        panic!("the guest gave up");
    }
}
