//! Opens and closes a port two hundred times.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for _ in 0..200 {
            open("bench", 9600).await?;
        }
        Ok("done".to_owned())
    }
}
