//! Asks a server whose name leads to the machine itself the second time.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(to: String) -> Result<String> {
        let url = format!("http://rebinds.example:{}/", to.rsplit(":").next().unwrap_or_default());
        let found = look_up("rebinds.example").await?;
        match ask("GET", &url).await {
            Ok(answer) => Ok(format!("{found}, {answer}")),
            Err(error) => Ok(format!("{found}, {:?}", error.code())),
        }
    }
}
