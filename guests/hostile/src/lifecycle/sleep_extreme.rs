//! Sleeps for longer than a clock can count, ten times over.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for _ in 0..10 {
            timer::sleep(u32::MAX).await;
        }
        Ok(String::new())
    }
}
