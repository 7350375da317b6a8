//! Waits in a call and spins when it is asked to end it.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        hours().await;
        Ok(String::new())
    }

    fn cancel() {
        spin();
    }
}
