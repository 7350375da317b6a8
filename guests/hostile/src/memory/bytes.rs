//! Answers with bytes that are more than a value may have.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        out(Value::Bytes(vec![1; 1_100_000]))
    }
}
