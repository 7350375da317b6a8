//! Looks up a name whose answer changes in four spellings.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut found = Vec::new();
        for name in ["rebinds.example", "REBINDS.example", "rebinds.example.", "Rebinds.Example."] {
            found.push(look_up(name).await?);
        }
        found.dedup();
        Ok(format!("{} answers", found.len()))
    }
}
