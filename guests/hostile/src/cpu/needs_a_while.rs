//! Needs much of the processor in a call, though less than it may.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        work(700_000_000);
        Ok("done".to_owned())
    }
}
