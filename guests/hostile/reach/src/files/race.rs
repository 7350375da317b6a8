//! Reads in a folder that is swapped for a link to the outside meanwhile, ten thousand times.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        for _ in 0..10_000 {
            if let Ok(text) = read3("/data/swapped/secret.txt").await
                && text != to
            {
                return Ok(format!("read: {text}"));
            }
        }
        Ok("never".to_owned())
    }
}
