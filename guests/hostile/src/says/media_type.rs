//! Answers with a media type that ends the header that it becomes a part of.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        out(media("image/png\r\n\r\nx", vec![1]))
    }
}
