//! Prints eight megabytes without a line end.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let part = "a".repeat(64 * 1024);
        for _ in 0..128 {
            print!("{part}");
        }
        Ok(String::new())
    }
}
