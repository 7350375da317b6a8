//! Gives way all the time and never ends.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        loop {
            timer::sleep(1).await;
        }
    }
}
