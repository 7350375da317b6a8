//! Looks up a name that leads outside and inside, and connects to what is inside.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let found = look_up("both.example").await?;
        match connect3(&to).await {
            Ok(peer) => Ok(format!("{found}, reached {peer}")),
            Err(error) => Ok(format!("{found}, {:?}", error.code())),
        }
    }
}
