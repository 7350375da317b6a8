//! Looks up a name whose answer changes, then connects to the second answer.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let found = [look_up("rebinds.example").await?, look_up("rebinds.example").await?];
        // What only the second answer names.
        match connect3(&to).await {
            Ok(peer) => Ok(format!("{found:?}, reached {peer}")),
            Err(error) => Ok(format!("{found:?}, {:?}", error.code())),
        }
    }
}
