//! Answers with a picture that is more than a value may have.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        out(media("image/png", vec![1; 1_100_000]))
    }
}
