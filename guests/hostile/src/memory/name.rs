//! Answers with an output whose name is longer than a value may be.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        Ok(vec![("a".repeat(1_100_000), Value::None)])
    }
}
