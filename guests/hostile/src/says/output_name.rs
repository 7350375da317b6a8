//! Answers with an output whose name clears the screen and whose value is too big.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        Ok(vec![("\x1b[2Jout\n".to_owned(), Value::Bytes(vec![0; 1_100_000]))])
    }
}
