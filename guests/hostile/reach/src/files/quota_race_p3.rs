//! Writes twenty files at once that are each within the quota.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let writes = (0..20).map(|n| async move { write3(&format!("/data/race-{n}"), 40_000).await });
        let written = all(writes).await.iter().filter(|result| result.is_ok()).count();
        Ok(format!("{written} of 20"))
    }
}
