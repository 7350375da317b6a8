//! Makes alarms until it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        Ok(hoard(1_000_000, || Ok(wasip2::clocks::monotonic_clock::subscribe_duration(u64::MAX))))
    }
}
