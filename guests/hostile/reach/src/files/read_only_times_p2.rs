//! Changes the time stamps of a file where it may only read.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let now = p2::NewTimestamp::Now;
        folder2().set_times_at(p2::PathFlags::empty(), "hello.txt", now, now).map_err(no2)?;
        Ok("set".to_owned())
    }
}
