//! Looks up a thousand names.

use crate::ways::*;

use crate::attack::*;

crate::attack! {
    async fn call(_to: String) -> Result<String> {
        let mut found = 0;
        for n in 0..1_000 {
            found += u32::from(look_up(&format!("n{n}.invalid")).await.is_ok());
        }
        Ok(found.to_string())
    }
}
