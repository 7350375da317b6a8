//! Does not hear that it is to end, under a policy with a long grace, and is stopped in that.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        loop {
            hours().await;
        }
    }
}
