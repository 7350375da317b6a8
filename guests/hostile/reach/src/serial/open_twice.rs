//! Opens a port twice.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let _port = open("bench", 9600).await?;
        open("bench", 9600).await.map(name)
    }
}
