//! Makes folders in folders until it may not.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut path = "/data".to_owned();
        for _ in 0..10_000 {
            path += "/d";
            files::create_folder(&path).await?;
        }
        Ok("no end".to_owned())
    }
}
