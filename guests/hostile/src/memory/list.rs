//! Answers with a hundred thousand outputs.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        Ok((0..100_000).map(|_| (String::new(), Value::None)).collect())
    }
}
