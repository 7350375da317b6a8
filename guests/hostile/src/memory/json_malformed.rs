//! Answers with JSON that is none.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        out(Value::Json("{\"a\":".to_owned()))
    }
}
