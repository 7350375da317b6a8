//! Triggers its nodes ten thousand times.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let taken = (0..10_000).filter(|_| raw::request_trigger("ping").is_ok());
        Ok(format!("{}", taken.count() < 1_000))
    }
}
