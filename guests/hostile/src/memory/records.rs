//! Answers with outputs each of which is small enough.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        let one = || ("out".to_owned(), Value::Bytes(vec![1; 600_000]));
        Ok(vec![one(), one()])
    }
}
