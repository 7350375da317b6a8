//! Answers with a media type whose parameters say that the value is another node's.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        out(media("image/png; node=another; io=p0", vec![1]))
    }
}
