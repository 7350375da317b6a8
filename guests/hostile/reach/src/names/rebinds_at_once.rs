//! Looks up a name whose answer changes a hundred times at once, for one of the answers to differ.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let found = all((0..100).map(|_| look_up("rebinds.example"))).await;
        let mut found: Vec<_> = found.into_iter().map(|found| format!("{found:?}")).collect();
        found.sort();
        found.dedup();
        Ok(format!("{} answers", found.len()))
    }
}
