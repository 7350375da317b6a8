//! Ends with a megabyte of last words.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        raw::panicked(&"\x1b[2Jaaa".repeat(150_000));
        std::process::abort()
    }
}
