//! Answers with a picture that is much larger than a value may be.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        out(media("image/png", vec![1; 8_000_000]))
    }
}
