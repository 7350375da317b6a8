//! Connects to the machine itself by an IPv4-mapped address, by WASI 0.2.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        connect2("[::ffff:127.0.0.1]:9")
    }
}
