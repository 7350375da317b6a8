//! Sets the time stamps of a file to the end of all time.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let end = p2::NewTimestamp::Timestamp(p2::Datetime { seconds: u64::MAX, nanoseconds: u32::MAX });
        folder2().set_times_at(p2::PathFlags::empty(), "hello.txt", end, end).map_err(no2)?;
        Ok("set".to_owned())
    }
}
