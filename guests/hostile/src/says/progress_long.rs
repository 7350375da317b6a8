//! Says with a megabyte of text how far it is, again and again.

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let long = "\u{202e}far".repeat(200_000);
        for n in 0..40 {
            raw::progress(n % 4, 0.5, &long);
        }
        Ok(String::new())
    }
}
