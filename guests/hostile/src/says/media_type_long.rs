//! Answers with a media type that is longer than any.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        out(media(&format!("image/{}", "a".repeat(500_000)), vec![1]))
    }
}
