//! Waits in a call, though for less than it may take.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        timer::sleep(1_500).await;
        Ok("done".to_owned())
    }
}
