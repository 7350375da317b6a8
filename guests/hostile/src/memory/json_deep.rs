//! Answers with JSON that is nested a hundred thousand times.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        out(Value::Json(format!("{}{}", "[".repeat(100_000), "]".repeat(100_000))))
    }
}
