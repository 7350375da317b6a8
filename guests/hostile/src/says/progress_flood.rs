//! Says a million times how far it is, of every call that may be its own.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for n in 0..1_000_000_u32 {
            raw::progress(u64::from(n % 4), f64::from(n) / 1e6, "\x1b[2Jstill\nat it");
        }
        Ok(String::new())
    }
}
