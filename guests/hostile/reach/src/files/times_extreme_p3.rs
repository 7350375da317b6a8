//! Sets the time stamps of a file to before the beginning of time.

use crate::ways::*;
use external_worker::bindings::wasi::clocks::system_clock::Instant;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let end = p3::NewTimestamp::Timestamp(Instant { seconds: i64::MIN, nanoseconds: u32::MAX });
        let name = "hello.txt".to_owned();
        folder3().set_times_at(p3::PathFlags::empty(), name, end, end).await.map_err(no)?;
        Ok("set".to_owned())
    }
}
