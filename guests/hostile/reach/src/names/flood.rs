//! Looks up a thousand names.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for n in 0..1000 {
            if let Err(error) = look_up(&format!("{n}.flood.example")).await {
                return Ok(format!("{n} and {error}"));
            }
        }
        Ok("all".to_owned())
    }
}
